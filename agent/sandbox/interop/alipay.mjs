// Pays, queries, refunds and cancels with alipay-sdk, a client that nobody here
// wrote, in public-key and in certificate mode.
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { AlipaySdk } from "alipay-sdk";

export async function alipaySuite({ sandbox, wallets }, { check, control, openRelay, number }) {
  const { hosts, app, cert_app: cert } = wallets.alipay;
  const read = (path) => readFileSync(path, "utf8");
  const client = (host = hosts[0], privateKey = read(app.app_key)) => new AlipaySdk({
    appId: app.app_id, privateKey, keyType: "PKCS8", alipayPublicKey: read(app.alipay_key), gateway: `${host}/gateway.do`,
  });
  const certClient = () => new AlipaySdk({
    appId: cert.app_id, privateKey: read(cert.app_key), keyType: "PKCS8", gateway: `${hosts[0]}/gateway.do`,
    appCertPath: cert.app_cert, alipayPublicCertPath: cert.alipay_cert, alipayRootCertPath: cert.alipay_root_cert,
  });
  const pay = client();
  const ask = (sdk, method, bizContent) => sdk.exec(method, { bizContent }, { validateSign: true });
  const customer = await control(sandbox, "POST", "customers", { wallet: "alipay", balance: 100000, behaviour: "approve" });
  const code = async (id = customer.id) => (await control(sandbox, "POST", `customers/${id}/paycode`)).code;
  const order = (out_trade_no, auth_code, total_amount = "12.80") => ({
    out_trade_no, auth_code, scene: "bar_code", subject: "咖啡 <面包>", total_amount, store_id: "SH0001", timeout_express: "2m",
  });
  const ledger = async (no) => (await control(sandbox, "GET", "ledger")).orders.filter((o) => o.order_no === no);
  const paid = number("IAP");

  for (const [mode, make] of [["public key", client], ["certificate", certClient]]) {
    const sdk = make();
    const no = mode === "certificate" ? number("IAC") : paid;
    await check(`alipay, ${mode}: pays, and the answer's signature verifies`, async () => {
      const answer = await ask(sdk, "alipay.trade.pay", order(no, await code()));
      assert.equal(answer.code, "10000", JSON.stringify(answer));
      assert.equal(answer.totalAmount, "12.80");
      assert.equal((await ledger(no))[0].captured, 1280);
    });
    await check(`alipay, ${mode}: queries by either number`, async () => {
      const first = await ask(sdk, "alipay.trade.query", { out_trade_no: no });
      assert.equal(first.tradeStatus, "TRADE_SUCCESS");
      assert.equal((await ask(sdk, "alipay.trade.query", { trade_no: first.tradeNo })).outTradeNo, no);
    });
  }
  await check("alipay: refunds in part, repeats, and asks", async () => {
    const body = { out_trade_no: paid, out_request_no: `${paid}P1`, refund_amount: "2.80", refund_reason: "returned" };
    const first = await ask(pay, "alipay.trade.refund", body);
    const again = await ask(pay, "alipay.trade.refund", body);
    assert.deepEqual([first.fundChange, again.fundChange, again.refundFee], ["Y", "N", "2.80"]);
    const other = await ask(pay, "alipay.trade.refund", { ...body, refund_amount: "2.81" });
    assert.equal(other.subCode, "ACQ.DISCORDANT_REPEAT_REQUEST");
    const asked = await ask(pay, "alipay.trade.fastpay.refund.query", { out_trade_no: paid, out_request_no: `${paid}P1` });
    assert.deepEqual([asked.refundStatus, asked.refundAmount], ["REFUND_SUCCESS", "2.80"]);
    assert.equal((await ledger(paid))[0].refunded, 280);
  });
  await check("alipay: a shown code is no trade until a phone scans it", async () => {
    const no = number("IAQ");
    const { qrCode } = await ask(pay, "alipay.trade.precreate", { out_trade_no: no, subject: "tea", total_amount: "5.00" });
    assert.equal((await ask(pay, "alipay.trade.query", { out_trade_no: no })).subCode, "ACQ.TRADE_NOT_EXIST");
    assert.equal((await control(sandbox, "POST", `customers/${customer.id}/scan`, { qr: qrCode })).status, "paid");
    assert.equal((await ask(pay, "alipay.trade.query", { out_trade_no: no })).tradeStatus, "TRADE_SUCCESS");
  });
  await check("alipay: a password is asked for, and the trade is cancelled", async () => {
    const thinker = await control(sandbox, "POST", "customers", { wallet: "alipay", balance: 100000, behaviour: "password" });
    const no = number("IAR");
    assert.equal((await ask(pay, "alipay.trade.pay", order(no, await code(thinker.id)))).code, "10003");
    const undone = await ask(pay, "alipay.trade.cancel", { out_trade_no: no });
    assert.deepEqual([undone.action, undone.retryFlag], ["close", "N"]);
    assert.equal((await ask(pay, "alipay.trade.query", { out_trade_no: no })).tradeStatus, "TRADE_CLOSED");
    assert.equal((await ledger(no))[0].reversed, true);
  });
  await check("alipay: a bill is downloaded, a ZIP", async () => {
    const bill_date = new Date(Date.now() + 8 * 3600_000).toISOString().slice(0, 10);
    const { billDownloadUrl } = await ask(pay, "alipay.data.dataservice.bill.downloadurl.query", { bill_type: "trade", bill_date });
    const file = Buffer.from(await (await fetch(billDownloadUrl)).arrayBuffer());
    assert.equal(file.subarray(0, 2).toString(), "PK");
  });
  await check("alipay: a tampered answer is refused by the client", async () => {
    const relay = await openRelay(hosts[0], (body) => body.replace('"total_amount":"12.80"', '"total_amount":"12.81"'));
    try {
      await assert.rejects(ask(client(relay.url.replace(/\/$/, "")), "alipay.trade.query", { out_trade_no: paid }), /验签失败/);
    } finally {
      relay.close();
    }
  });
  await check("alipay: the sandbox's wrong signature is refused by the client", async () => {
    await control(sandbox, "PUT", "faults", [{ wallet: "alipay", operation: "query", kind: "bad_signature", count: 1 }]);
    await assert.rejects(ask(pay, "alipay.trade.query", { out_trade_no: paid }), /验签失败/);
  });
  await check("alipay: a request signed by another key is refused by the sandbox", async () => {
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const thief = client(hosts[0], privateKey.export({ type: "pkcs8", format: "pem" }));
    assert.equal((await ask(thief, "alipay.trade.pay", order(number("IAX"), await code()))).subCode, "isv.invalid-signature");
  });
}
