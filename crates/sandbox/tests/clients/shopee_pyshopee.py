"""PyPI pyshopee 1.4.0 (module pyshopee2), unchanged, against the sandbox.

Reads one JSON object on stdin: host, partner_id, partner_key, shop_id, code, from, to, orders (two numbers).
Prints one JSON object as its last line; the client prints its own lines before. Asserts nothing: the test does.
"""

import json
import sys

from pyshopee2 import Client

wish = json.load(sys.stdin)
client = Client(wish["shop_id"], wish["partner_id"], wish["partner_key"], "http://127.0.0.1:1/back", code=wish["code"])
client.host = wish["host"]

access, expires, refresh = client.get_token()
again, _, refreshed = client.get_access_token(wish["shop_id"], wish["partner_id"], wish["partner_key"], refresh)

listed, cursor, pages = [], "", 0
while True:
    page = client.order.get_order_list(
        time_range_field="update_time", time_from=wish["from"], time_to=wish["to"], page_size=20, cursor=cursor,
        response_optional_fields="order_status",
    )["response"]
    pages += 1
    listed += [row["order_sn"] for row in page["order_list"]]
    cursor = page["next_cursor"]
    if not page["more"]:
        break

first, second = wish["orders"]
detail = client.order.get_order_detail(
    order_sn_list=f"{first},{second}", response_optional_fields="item_list,package_list,cancel_by,cancel_reason"
)["response"]["order_list"]
item = detail[0]["item_list"][0]
chosen = {"item_id": item["item_id"], "model_id": item["model_id"]}
cancelled = client.order.cancel_order(order_sn=first, cancel_reason="OUT_OF_STOCK", item_list=[chosen])
twice = client.order.cancel_order(order_sn=first, cancel_reason="OUT_OF_STOCK", item_list=[chosen])
after = client.order.get_order_detail(
    order_sn_list=first, response_optional_fields="cancel_by,cancel_reason"
)["response"]["order_list"][0]

other = detail[1]["item_list"][0]
set_stock = client.product.update_stock(
    item_id=other["item_id"],
    stock_list=[{"model_id": other["model_id"], "seller_stock": [{"stock": 17}]}],
)
models = client.product.get_model_list(item_id=other["item_id"])

print(json.dumps({
    "expires": expires, "rotated": again != access and refreshed != refresh, "listed": listed, "pages": pages,
    "detail": [order["order_sn"] for order in detail], "chosen": item, "other": other, "cancelled": cancelled, "twice": twice,
    "after": after, "set_stock": set_stock, "models": models,
}))
