// npm lazada-open-platform-sdk 2.0.0-0, unchanged, against the sandbox.
//
// Reads one JSON object on stdin: host (with /rest), app_key, app_secret, code, after, orders (three numbers), and the
// folder of node modules as its argument. Prints one JSON object. Asserts nothing: the test does.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const sdk = join(process.argv[2], "lazada-open-platform-sdk");
const require = createRequire(join(sdk, "package.json"));
const { get, post } = require(join(sdk, "lib", "LazadaRequest"));
const { default: order } = require(join(sdk, "lib", "LazadaClient", "order"));
const wish = JSON.parse(readFileSync(0, "utf8"));
const { host, app_key: key, app_secret: secret } = wish;

// What the client calls low level, and what its wrappers add: they put the scheme before the gateway.
const gateway = host.replace("http://", "");
const low = { get: (path, token, args) => get(host, key, secret, path, token, args),
  post: (path, token, args) => post(host, key, secret, path, token, args) };
const high = (method, token, args) => method(key, secret, gateway, token, args, undefined, "HTTP");

const first = await low.post("/auth/token/create", null, { code: wish.code });
const token = (await low.get("/auth/token/refresh", null, { refresh_token: first.refresh_token })).access_token;

const listed = [];
let pages = 0, count = 20;
while (count === 20) {
  const args = { update_after: wish.after, limit: "20", offset: String(listed.length), sort_by: "updated_at",
    sort_direction: "ASC" };
  const { data } = await low.get("/orders/get", token, args);
  pages += 1;
  listed.push(...data.orders.map((row) => String(row.order_id)));
  count = data.count;
}

const [one, two, three] = wish.orders;
const many = (await high(order.getMultipleOrderItems, token, { order_ids: `[${one},${two}]` })).data;
const chosen = JSON.stringify([String(many[0].order_items[0].order_item_id)]);
const validate = { order_id: one, order_item_id_list: chosen };
const checked = await low.get("/order/reverse/cancel/validate", token, validate);
const reasons = Object.fromEntries(checked.data.reason_options.map((row) => [row.reason_name, row.reason_id]));
const cancel = { ...validate, reason_id: reasons["Out of Stock"] };
const cancelled = await low.get("/order/reverse/cancel/create", token, cancel);
const twice = await low.get("/order/reverse/cancel/create", token, cancel);
const after = (await high(order.getOrderItems, token, { order_id: one })).data;

// Only the older cancel has a wrapper.
const last = (await high(order.getOrderItems, token, { order_id: three })).data[0];
const canceled = { order_item_id: last.order_item_id, reason_id: 15, reason_detail: "สินค้าหมด stock 0" };
const legacy = await high(order.setStatusToCanceled, token, canceled);

const other = many[1].order_items[0];
const payload = `<Request><Product><Skus><Sku><ItemId>${other.product_id}</ItemId><SkuId>${other.sku_id}</SkuId>`
  + "<SellableQuantity>17</SellableQuantity></Sku></Skus></Product></Request>";
const setStock = await low.post("/product/stock/sellable/update", token, { payload });
const item = await low.get("/product/item/get", token, { item_id: other.product_id });
// The client rejects what has a code other than "0".
const refused = await low.get("/order/get", token, { order_id: "42" }).catch((answer) => answer);

console.log(JSON.stringify({
  expires: first.expires_in, rotated: token !== first.access_token, listed, pages,
  many: many.map((row) => String(row.order_id)), reasons, cancelled, twice, after, legacy, set_stock: setStock, item,
  refused,
}));
