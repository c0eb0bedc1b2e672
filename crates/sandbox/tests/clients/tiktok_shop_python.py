"""PyPI tiktok-shop-api 0.1.0 (module tiktok_shop_api), unchanged, against the sandbox.

Reads one JSON object on stdin: host, app_key, app_secret, code, cipher, after, orders (three numbers: to cancel, with a
request to approve, with a request to reject), stock (product, sku), push (body, signature).
Prints one JSON object as its last line. Asserts nothing: the test does.
"""

import json
import sys

from tiktok_shop_api import TikTokShop, TikTokShopAuth, TikTokShopError, Webhooks
from tiktok_shop_api.generated import models
from tiktok_shop_api.generated.types import UNSET

wish = json.load(sys.stdin)
key, secret = wish["app_key"], wish["app_secret"]
auth = TikTokShopAuth(key, secret, base_url=wish["host"])
first = auth.exchange_code(wish["code"])
tokens = auth.refresh(first.refresh_token)
open_client = TikTokShop(key, secret, access_token=tokens.access_token, base_url=wish["host"])
shops = open_client.authorization.get_authorized_shops().to_dict()["data"]["shops"]
client = TikTokShop(key, secret, access_token=tokens.access_token, shop_cipher=shops[0]["cipher"],
                    base_url=wish["host"])
orders, returns, products = client.orders, client.return_and_refund, client.products


def refusal(call, *given, **named):
    try:
        call(*given, **named)
    except TikTokShopError as error:
        return error.code
    return 0


listed, pages, token = [], 0, UNSET
while True:
    page = orders.get_order_list(
        page_size=20, page_token=token, body=models.GetOrderListRequest(update_time_ge=wish["after"]),
        sort_field=models.GetOrderListSortField.UPDATE_TIME, sort_order=models.GetOrderListSortOrder.ASC,
    ).to_dict()["data"]
    pages += 1
    listed += [order["id"] for order in page["orders"]]
    token = page["next_page_token"]
    if not token:
        break

one, two, three = wish["orders"]
detail = orders.get_order_detail(ids=[one, two]).to_dict()["data"]["orders"]
kind = models.GetAftersaleEligibilityRequestTypesItem.CANCEL
eligibility = returns.get_aftersale_eligibility(one, request_types=[kind]).to_dict()["data"]
entry = eligibility["sku_eligibility"][0]["line_item_eligibility"][0]
reason = next(name for name in entry["available_reason_names"] if "out_of_stock" in name)
body = models.CancelOrderRequest(order_id=one, cancel_reason=reason)
cancelled = returns.cancel_order(body=body).to_dict()["data"]
twice = refusal(returns.cancel_order, body=body)
asked = refusal(returns.cancel_order, body=models.CancelOrderRequest(order_id=two, cancel_reason=reason))
after = orders.get_order_detail(ids=[one]).to_dict()["data"]["orders"][0]

found = returns.search_cancellations(body=models.SearchCancellationsRequest(order_ids=[one, two, three]))
found = {row["order_id"]: row for row in found.to_dict()["data"]["cancellations"]}
reasons = returns.get_reject_reasons(return_or_cancel_id=found[three]["cancel_id"]).to_dict()["data"]["reasons"]
returns.approve_cancellation(found[two]["cancel_id"], idempotency_key="approve-1")
returns.reject_cancellation(
    found[three]["cancel_id"], idempotency_key="reject-1",
    body=models.RejectCancellationRequest(reject_reason=reasons[-1]["name"], comment="Paket sudah dikemas – 📦"),
)

stock = wish["stock"]
inventory = models.UpdateInventoryRequestSkuInventory(quantity=17)
products.update_inventory(stock["product"], body=models.UpdateInventoryRequest(
    skus=[models.UpdateInventoryRequestSku(id=stock["sku"], inventory=[inventory])]))
read = products.inventory_search(body=models.InventorySearchRequest(sku_ids=[stock["sku"]])).to_dict()["data"]

push = Webhooks.verify_and_parse(app_key=key, app_secret=secret, raw_body=wish["push"]["body"],
                                 signature=wish["push"]["signature"]).to_dict()
print(json.dumps({
    "expires": first.access_token_expire_in, "rotated": tokens.access_token != first.access_token, "listed": listed,
    "pages": pages, "shops": shops, "detail": [order["id"] for order in detail], "offered": entry,
    "cancelled": cancelled, "twice": twice, "asked": asked, "after": after,
    "kinds": {number: row["cancel_type"] for number, row in found.items()}, "inventory": read,
    "push": push,
}, default=str))
