// Pays, queries, refunds and reverses against `tillcloud serve` with clients that
// nobody here wrote: wechatpay-axios-plugin here, alipay-sdk in alipay.mjs. If they
// verify the sandbox's signatures and the sandbox verifies theirs, both follow the
// wire and not each other. Usage: node interop.mjs BIN_DIR
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createDecipheriv, X509Certificate } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import wechatpay from "wechatpay-axios-plugin";
import { alipaySuite } from "./alipay.mjs";

const { Wechatpay, Formatter, Rsa } = wechatpay;
const bin = process.argv[2];
if (!bin) {
  console.error("usage: node interop.mjs BIN_DIR");
  process.exit(2);
}

let failed = 0;
async function check(name, run) {
  try {
    await run();
    console.log("PASS", name);
  } catch (error) {
    failed++;
    console.log("FAIL", name);
    console.log("    ", error.response?.data ?? error.stack ?? error);
  }
}

async function openCloud(dir) {
  const file = join(dir, "ready.json");
  const child = spawn(join(bin, "tillcloud"), ["serve", "--data-dir", join(dir, "data"), "--ready-file", file, "--ports", "auto"], { stdio: ["ignore", "inherit", "inherit"] });
  let ended = null;
  child.on("error", (error) => { ended = error; });
  child.on("exit", (code, signal) => { ended ??= new Error(`tillcloud ended: ${code ?? signal}`); });
  for (let tries = 0; !existsSync(file); tries++) {
    if (ended || tries > 600) throw ended ?? new Error("tillcloud did not open within a minute");
    await pause(100);
  }
  return { child, ready: JSON.parse(readFileSync(file, "utf8")) };
}

// relay passes requests on and lets tamper change the answer's body.
async function openRelay(target, tamper) {
  const server = createServer((incoming, outgoing) => {
    const { hostname, port } = new URL(target);
    const onward = request({ hostname, port, path: incoming.url, method: incoming.method, headers: incoming.headers }, (answer) => {
      const parts = [];
      answer.on("data", (part) => parts.push(part));
      answer.on("end", () => {
        const body = tamper(Buffer.concat(parts).toString());
        outgoing.writeHead(answer.statusCode, { ...answer.headers, "content-length": Buffer.byteLength(body) });
        outgoing.end(body);
      });
    });
    incoming.pipe(onward);
  });
  await new Promise((open) => server.listen(0, "127.0.0.1", open));
  return { url: `http://127.0.0.1:${server.address().port}/`, close: () => server.close() };
}

async function control(url, method, path, body) {
  const answer = await fetch(`${url}/${path}`, {
    method, headers: body ? { "Content-Type": "application/json" } : {}, body: body && JSON.stringify(body),
  });
  assert.equal(answer.status, 200, `${method} ${path}`);
  return answer.json();
}

const number = (prefix) => prefix + Date.now().toString(36).toUpperCase() + Math.random().toString(36).slice(2, 10).toUpperCase();
const refusal = async (promise) => {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  assert.fail("the client took an answer that it should refuse");
};

async function suite({ sandbox, wallets }) {
  const { hosts, direct: m } = wallets.wechat;
  const privateKey = readFileSync(m.merchant_key);
  const publicKey = readFileSync(m.platform_key);
  const client = (baseURL, certs = { [m.platform_key_id]: publicKey }, headers = {}) => new Wechatpay({
    mchid: m.merchant_id, serial: m.merchant_serial, privateKey, certs, baseURL, headers, proxy: false,
  });
  const pay = client(`${hosts[0]}/`);
  const customer = await control(sandbox, "POST", "customers", { wallet: "wechat", balance: 100000, behaviour: "approve" });
  const code = async () => (await control(sandbox, "POST", `customers/${customer.id}/paycode`)).code;
  const order = (out_trade_no, auth_code, total = 1280) => ({
    appid: m.app_id, mchid: m.merchant_id, description: "咖啡 & 面包", out_trade_no, payer: { auth_code },
    amount: { total, currency: "CNY" }, scene_info: { device_id: "1", store_info: { out_id: "SH0001" } },
  });
  const find = (c, out_trade_no) => c.v3.pay.transactions.outTradeNo._out_trade_no_.get({ params: { mchid: m.merchant_id }, out_trade_no });
  const ledger = async (no) => (await control(sandbox, "GET", "ledger")).orders.filter((o) => o.order_no === no);
  const paid = number("IOP");

  await check("codepay: pays, and the answer's signature verifies", async () => {
    const { status, data } = await pay.v3.pay.transactions.codepay.post(order(paid, await code()));
    assert.equal(status, 200);
    assert.equal(data.trade_state, "SUCCESS");
    assert.equal(data.amount.total, 1280);
    assert.equal((await ledger(paid))[0].captured, 1280);
  });
  await check("query: by order number and by transaction", async () => {
    const { data } = await find(pay, paid);
    assert.equal(data.trade_state, "SUCCESS");
    const same = await pay.v3.pay.transactions.id._transaction_id_.get({ params: { mchid: m.merchant_id }, transaction_id: data.transaction_id });
    assert.equal(same.data.out_trade_no, paid);
  });
  await check("the disaster-recovery host knows the same order", async () => {
    assert.equal((await find(client(`${hosts[1]}/`), paid)).data.trade_state, "SUCCESS");
  });
  await check("refund: partial, repeated, and queried", async () => {
    const body = { out_trade_no: paid, out_refund_no: `${paid}P1`, reason: "returned", amount: { refund: 280, total: 1280, currency: "CNY" } };
    const first = await pay.v3.refund.domestic.refunds.post(body);
    const again = await pay.v3.refund.domestic.refunds.post(body);
    assert.equal(first.data.status, "SUCCESS");
    assert.equal(again.data.refund_id, first.data.refund_id);
    const { data } = await pay.v3.refund.domestic.refunds._out_refund_no_.get({ out_refund_no: `${paid}P1` });
    assert.equal(data.amount.refund, 280);
    assert.equal((await ledger(paid))[0].refunded, 280);
  });
  await check("native: a code is shown, the phone pays, a close is answered with 204", async () => {
    const shown = (no) => ({
      appid: m.app_id, mchid: m.merchant_id, description: "tea", out_trade_no: no,
      notify_url: "https://pay.example.com/notify", amount: { total: 500, currency: "CNY" },
    });
    const no = number("IOQ");
    const { data } = await pay.v3.pay.transactions.native.post(shown(no));
    assert.equal((await control(sandbox, "POST", `customers/${customer.id}/scan`, { qr: data.code_url })).status, "paid");
    assert.equal((await find(pay, no)).data.trade_state, "SUCCESS");
    const other = number("IOC");
    await pay.v3.pay.transactions.native.post(shown(other));
    const closed = await pay.v3.pay.transactions.outTradeNo._out_trade_no_.close.post({ mchid: m.merchant_id }, { out_trade_no: other });
    assert.equal(closed.status, 204);
    assert.equal((await find(pay, other)).data.trade_state, "CLOSED");
  });
  await check("password: HTTP 202 with nothing but USERPAYING, then a reversal", async () => {
    const thinker = await control(sandbox, "POST", "customers", { wallet: "wechat", balance: 100000, behaviour: "password" });
    const no = number("IOR");
    const { code: auth } = await control(sandbox, "POST", `customers/${thinker.id}/paycode`);
    const { status, data } = await pay.v3.pay.transactions.codepay.post(order(no, auth));
    assert.equal(status, 202);
    assert.deepEqual(data, { trade_state: "USERPAYING" });
    await pay.v3.pay.transactions.outTradeNo._out_trade_no_.reverse.post({ appid: m.app_id, mchid: m.merchant_id }, { out_trade_no: no });
    assert.equal((await find(pay, no)).data.trade_state, "REVOKED");
    assert.equal((await ledger(no))[0].reversed, true);
  });
  await check("error answers are signed too", async () => {
    const error = await refusal(find(pay, number("NONE")));
    assert.equal(error.response.status, 404);
    assert.equal(error.response.data.code, "ORDER_NOT_EXIST");
    const h = error.response.headers;
    const text = Formatter.response(h["wechatpay-timestamp"], h["wechatpay-nonce"], JSON.stringify(error.response.data));
    assert.ok(Rsa.verify(text, h["wechatpay-signature"], Rsa.from(publicKey, Rsa.KEY_TYPE_PUBLIC)));
  });
  await check("certificates: downloaded, decrypted, and used to verify", async () => {
    const certificate = readFileSync(m.platform_certificate);
    const withCertificate = client(`${hosts[0]}/`, { [m.platform_serial]: certificate }, { "Wechatpay-Serial": m.platform_serial });
    const { data } = await withCertificate.v3.certificates.get();
    const { nonce, associated_data: aad, ciphertext } = data.data[0].encrypt_certificate;
    const sealed = Buffer.from(ciphertext, "base64");
    const cipher = createDecipheriv("aes-256-gcm", readFileSync(m.api_v3_key), Buffer.from(nonce));
    cipher.setAAD(Buffer.from(aad));
    cipher.setAuthTag(sealed.subarray(-16));
    const pem = Buffer.concat([cipher.update(sealed.subarray(0, -16)), cipher.final()]);
    assert.equal(new X509Certificate(pem).serialNumber, m.platform_serial);
    assert.equal((await find(withCertificate, paid)).data.trade_state, "REFUND");
  });
  await check("a tampered answer is refused by the client", async () => {
    const relay = await openRelay(hosts[0], (body) => body.replace('"total":1280', '"total":1281'));
    try {
      const error = await refusal(find(client(relay.url), paid));
      assert.equal(error.code, "EV3_RES_HEADER_SIGNATURE_DIGEST");
    } finally {
      relay.close();
    }
  });
  await check("the sandbox's wrong signature is refused by the client", async () => {
    await control(sandbox, "PUT", "faults", [{ wallet: "wechat", operation: "query", kind: "bad_signature", count: 1 }]);
    const error = await refusal(find(pay, paid));
    assert.equal(error.code, "EV3_RES_HEADER_SIGNATURE_DIGEST");
  });
  await check("a request signed by another key is refused by the sandbox", async () => {
    const { generateKeyPairSync } = await import("node:crypto");
    const stranger = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
    const thief = new Wechatpay({ mchid: m.merchant_id, serial: m.merchant_serial, privateKey: stranger, certs: { [m.platform_key_id]: publicKey }, baseURL: `${hosts[0]}/`, proxy: false });
    const error = await refusal(thief.v3.pay.transactions.codepay.post(order(number("IOX"), await code())));
    assert.equal(error.response.status, 401);
    assert.equal(error.response.data.code, "SIGN_ERROR");
  });
}

const dir = mkdtempSync(join(tmpdir(), "tillwire-interop-"));
let cloud;
try {
  cloud = await openCloud(dir);
  await suite(cloud.ready);
  await alipaySuite(cloud.ready, { check, control, openRelay, number });
} catch (error) {
  failed++;
  console.log("FAIL", error.message);
} finally {
  if (cloud?.child.exitCode === null) {
    const gone = new Promise((done) => { cloud.child.once("exit", done); });
    cloud.child.kill("SIGTERM");
    await gone;
  }
  rmSync(dir, { recursive: true, force: true });
}
console.log(failed === 0 ? "PASS: all of it" : `FAIL: ${failed}`);
process.exit(failed === 0 ? 0 : 1);
