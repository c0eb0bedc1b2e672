//! Seller exports of Shopee Indonesia.
