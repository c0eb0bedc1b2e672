// npm tiktok-shop-sdk 1.0.3, unchanged, against the sandbox.
//
// Reads one JSON object on stdin: host, app_key, app_secret, code, cipher, after, orders (three numbers: to cancel, with a
// request to approve, with a request to reject), stock (product, sku), and the folder of node modules as its argument.
// Prints one JSON object. Asserts nothing: the test does.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const sdkFile = join(process.argv[2], "tiktok-shop-sdk", "dist", "index.mjs");
const { TikTokShopSDK } = await import(pathToFileURL(sdkFile));
const wish = JSON.parse(readFileSync(0, "utf8"));

// The client's hosts are constants: only where its requests go is changed, not what they are.
const fetchAnywhere = globalThis.fetch;
const hosts = /^https:\/\/(open-api\.tiktokglobalshop\.com|auth\.tiktok-shops\.com)/;
globalThis.fetch = (url, options) => fetchAnywhere(String(url).replace(hosts, wish.host), options);

const sdk = new TikTokShopSDK({ appKey: wish.app_key, appSecret: wish.app_secret });
const first = (await sdk.auth.getAccessToken({ auth_code: wish.code })).data;
const tokens = (await sdk.auth.refreshAccessToken({ refresh_token: first.refresh_token })).data;
sdk.setAccessToken(tokens.access_token);
const { shops } = (await sdk.shop.getAuthorizedShops()).data;
sdk.setShopCipher(shops[0].cipher);
const refusal = (call) => call.then(() => 0, (error) => error.code);

const listed = [];
let pages = 0, token;
do {
  const query = { page_size: 20, sort_field: "update_time", sort_order: "ASC", ...(token && { page_token: token }) };
  const { data } = await sdk.order.getOrderList({ query, body: { update_time_ge: wish.after } });
  pages += 1;
  listed.push(...data.orders.map((order) => order.id));
  token = data.next_page_token;
} while (token);

const [one, two, three] = wish.orders;
const detail = (await sdk.order.getOrderDetail({ ids: [one, two] })).data.orders;
const eligibility = (await sdk.return_refund.getAftersaleEligibility({ order_id: one })).data;
const entry = eligibility.sku_eligibility[0].line_item_eligibility[0];
const cancel = { order_id: one, cancel_reason: "seller_cancel_reason_out_of_stock" };
const cancelled = (await sdk.return_refund.cancelOrder({ body: cancel })).data;
const twice = await refusal(sdk.return_refund.cancelOrder({ body: cancel }));
const asked = await refusal(sdk.return_refund.cancelOrder({ body: { ...cancel, order_id: two } }));
const after = (await sdk.order.getOrderDetail({ ids: [one] })).data.orders[0];

const search = { body: { order_ids: [one, two, three] } };
const rows = (await sdk.return_refund.searchCancellation(search)).data.cancellations;
const found = Object.fromEntries(rows.map((row) => [row.order_id, row]));
const { reasons } = (await sdk.return_refund.getRejectReasons({ return_or_cancel_id: found[three].cancel_id })).data;
await sdk.return_refund.approveCancellation({ cancel_id: found[two].cancel_id, query: { idempotency_key: "approve-1" } });
await sdk.return_refund.rejectCancellation({
  cancel_id: found[three].cancel_id, query: { idempotency_key: "reject-1" },
  body: { reject_reason: reasons.at(-1).name, comment: "Paket sudah dikemas – 📦" },
});

const skus = [{ id: wish.stock.sku, inventory: [{ quantity: 17 }] }];
await sdk.product.updateProductInventory({ product_id: wish.stock.product, body: { skus } });
const inventory = (await sdk.product.searchInventory({ sku_ids: [wish.stock.sku] })).data;

console.log(JSON.stringify({
  expires: first.access_token_expire_in, rotated: tokens.access_token !== first.access_token, listed, pages, shops,
  detail: detail.map((order) => order.id), offered: entry, cancelled, twice, asked, after,
  kinds: Object.fromEntries(rows.map((row) => [row.order_id, row.cancel_type])), inventory,
}));
