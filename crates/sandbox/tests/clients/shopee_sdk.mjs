// npm @congminh1254/shopee-sdk 2.7.0, unchanged, against the sandbox.
//
// Reads one JSON object on stdin: host, partner_id, partner_key, shop_id, code, from, to, orders (two numbers), and
// the folder of node modules as its argument. Prints one JSON object. Asserts nothing: the test does.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const sdkFile = join(process.argv[2], "@congminh1254", "shopee-sdk", "lib", "sdk.js");
const { ShopeeSDK } = await import(pathToFileURL(sdkFile).href);
const wish = JSON.parse(readFileSync(0, "utf8"));

// Tokens in memory: the client's own storage writes files.
let kept = null;
const storage = {
  store: async (token) => { kept = token; },
  get: async () => kept,
  clear: async () => { kept = null; },
};
const sdk = new ShopeeSDK({
  partner_id: wish.partner_id,
  partner_key: wish.partner_key,
  shop_id: wish.shop_id,
  base_url: `${wish.host}/api/v2`,
  base_auth_url: `${wish.host}/auth`,
}, storage);

// authorisation page as a person's browser would see it
const page = await fetch(sdk.getAuthorizationUrl("http://127.0.0.1:1/back", { state: "s1" }));
const consent = { status: page.status, html: await page.text() };

const first = await sdk.authenticateWithCode(wish.code, wish.shop_id);
const next = await sdk.refreshToken(wish.shop_id);

const listed = [];
let cursor = "", pages = 0, more = true;
while (more) {
  const { response } = await sdk.order.getOrderList({
    time_range_field: "update_time", time_from: wish.from, time_to: wish.to, page_size: 20, cursor,
    response_optional_fields: "order_status",
  });
  pages += 1;
  listed.push(...response.order_list.map((row) => row.order_sn));
  cursor = response.next_cursor;
  more = response.more;
}

const [one, two] = wish.orders;
const optional = "item_list,package_list,cancel_by,cancel_reason";
const joined = await sdk.order.getOrderDetail({ order_sn_list: `${one},${two}`, response_optional_fields: optional });
// An array becomes repeated keys in this client.
const repeated = await sdk.order.getOrderDetail({ order_sn_list: [one, two], response_optional_fields: [optional] });
const detail = joined.response.order_list;
const item = detail[0].item_list[0];
const other = detail[1].item_list[0];
const chosen = [{ item_id: item.item_id, model_id: item.model_id }];
const cancelled = await sdk.order.cancelOrder({ order_sn: one, cancel_reason: "OUT_OF_STOCK", item_list: chosen });
let twice = null;
try {
  await sdk.order.cancelOrder({ order_sn: one, cancel_reason: "OUT_OF_STOCK", item_list: chosen });
} catch (error) {
  twice = { status: error.status, data: error.data };
}
const after = (await sdk.order.getOrderDetail({ order_sn_list: one, response_optional_fields: optional })).response.order_list[0];

const setStock = await sdk.product.updateStock({
  item_id: other.item_id,
  stock_list: [{ model_id: other.model_id, seller_stock: [{ stock: 17 }] }],
});
const models = await sdk.product.getModelList({ item_id: other.item_id });
const lost = await sdk.push.getLostPushMessage();

console.log(JSON.stringify({
  consent, expires: first.expire_in, rotated: first.access_token !== next.access_token && first.refresh_token !== next.refresh_token,
  listed, pages, detail: detail.map((order) => order.order_sn), repeated: repeated.response.order_list.length,
  chosen: item, other, cancelled, twice, after: { order_status: after.order_status, cancel_by: after.cancel_by, cancel_reason: after.cancel_reason },
  set_stock: setStock, models, lost,
}));
