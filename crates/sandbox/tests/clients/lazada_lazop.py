"""PyPI lazop-sdk 1.0.3 (module lazop_sdk), unchanged, against the sandbox.

Reads one JSON object on stdin: host (with /rest), app_key, app_secret, code, after, orders (three numbers).
Prints one JSON object as its last line. Asserts nothing: the test does.
"""

import json
import os
import sys
import tempfile

# The client makes a folder for its log in the home folder when it is imported.
home = tempfile.TemporaryDirectory()
os.environ["HOME"] = home.name

from lazop_sdk import LazopClient, LazopRequest

wish = json.load(sys.stdin)
client = LazopClient(wish["host"], wish["app_key"], wish["app_secret"])


def call(path, method, token=None, **parameters):
    request = LazopRequest(path, method)
    for name, value in parameters.items():
        request.add_api_param(name, value)
    return client.execute(request, token).body


first = call("/auth/token/create", "GET", code=wish["code"])
token = call("/auth/token/refresh", "POST", refresh_token=first["refresh_token"])["access_token"]

listed, pages = [], 0
while True:
    page = call("/orders/get", "GET", token, update_after=wish["after"], limit="20", offset=str(len(listed)),
                sort_by="updated_at", sort_direction="ASC")["data"]
    pages += 1
    listed += [str(order["order_id"]) for order in page["orders"]]
    if page["count"] < 20:
        break

one, two, three = wish["orders"]
many = call("/orders/items/get", "GET", token, order_ids=f"[{one},{two}]")["data"]
chosen = json.dumps([str(many[0]["order_items"][0]["order_item_id"])])
checked = call("/order/reverse/cancel/validate", "GET", token, order_id=one, order_item_id_list=chosen)
reasons = {row["reason_name"]: row["reason_id"] for row in checked["data"]["reason_options"]}
cancel = {"order_id": one, "order_item_id_list": chosen, "reason_id": reasons["Out of Stock"]}
cancelled = call("/order/reverse/cancel/create", "GET", token, **cancel)
twice = call("/order/reverse/cancel/create", "GET", token, **cancel)
after = call("/order/items/get", "GET", token, order_id=one)["data"]

last = call("/order/items/get", "GET", token, order_id=three)["data"][0]
legacy = call("/order/cancel", "POST", token, order_item_id=str(last["order_item_id"]), reason_id="15",
              reason_detail="สินค้าหมด stock 0")

other = many[1]["order_items"][0]
payload = (
    f"<Request><Product><Skus><Sku><ItemId>{other['product_id']}</ItemId><SkuId>{other['sku_id']}</SkuId>"
    "<SellableQuantity>17</SellableQuantity></Sku></Skus></Product></Request>"
)
set_stock = call("/product/stock/sellable/update", "POST", token, payload=payload)
item = call("/product/item/get", "GET", token, item_id=other["product_id"])

print(json.dumps({
    "expires": first["expires_in"], "rotated": token != first["access_token"], "listed": listed, "pages": pages,
    "many": [str(row["order_id"]) for row in many], "reasons": reasons, "cancelled": cancelled, "twice": twice,
    "after": after, "legacy": legacy, "set_stock": set_stock, "item": item,
}))
