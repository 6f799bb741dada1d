// The npm package wechatpay-axios-plugin against a running `parkgate sandbox`:
//
//     node axios_plugin_client.js client.json
//
// Prints a line for each thing that was found to be as WeChat Pay has it, and fails at the first that is not.

'use strict';

const crypto = require('node:crypto');
const fs = require('node:fs');
const http = require('node:http');
const https = require('node:https');
const { isDeepStrictEqual } = require('node:util');

const { Wechatpay, Formatter, Aes, Rsa } = require('wechatpay-axios-plugin');

const DEADLINE_MS = 30_000;
const PLATE = '粤B66666';
const OTHER_PLATE = '京C12345';
// Not to be had from the clock: two runs against one sandbox must not meet.
const RUN = crypto.randomBytes(6).toString('hex').toUpperCase();

async function main(clientFile) {
  const setup = JSON.parse(fs.readFileSync(clientFile, 'utf8'));
  const ring = { [setup.public_key_id]: fs.readFileSync(setup.public_key_file) };
  const control = new Control(setup.control_url);
  const receiver = new Receiver(setup, ring);
  await receiver.listen();
  // Names the key that answers shall be signed with.
  const byKey = client(setup, ring, { 'Wechatpay-Serial': setup.public_key_id });

  await platformCertificates(byKey, setup, ring, control);
  const all = client(setup, ring, {});
  await find(all, setup);
  const entry = await stay(all, control, receiver);
  const paid = await charge(all, setup, control, receiver, entry);
  await refund(all, control, receiver, paid);
  await native(all, setup);
  await callbacks(control, receiver);
  await badAnswers(all, control, paid.number);
  await rotation(setup, control, paid.number);

  const { violations } = await control.get('/violations');
  check('nothing false was believed', violations.filter((it) => it.kind === 'callback_believed'), []);
  receiver.close();
  console.log('wechatpay-axios-plugin: everything is as WeChat Pay has it');
}

function client(setup, certs, headers) {
  return new Wechatpay({
    mchid: setup.mchid,
    serial: setup.merchant_serial,
    privateKey: fs.readFileSync(setup.private_key_file),
    certs: { ...certs },
    baseURL: `${setup.base_url}/`,
    httpsAgent: new https.Agent({ ca: fs.readFileSync(setup.ca_file) }),
    headers,
    proxy: false,
    timeout: DEADLINE_MS,
  });
}

async function platformCertificates(wechat, setup, ring, control) {
  const { data } = await wechat.v3.certificates.get();
  const key = fs.readFileSync(setup.api_v3_key_file, 'utf8');
  const serials = data.data.map(({ serial_no: serial, encrypt_certificate: sealed }) => {
    const pem = Aes.AesGcm.decrypt(sealed.ciphertext, key, sealed.nonce, sealed.associated_data);
    const certificate = new crypto.X509Certificate(pem);
    check('certificates: the serial is the certificate\'s own', BigInt(`0x${certificate.serialNumber}`), BigInt(`0x${serial}`));
    const root = new crypto.X509Certificate(fs.readFileSync(setup.ca_file));
    check('certificates: the root vouches for it', certificate.verify(root.publicKey), true);
    ring[serial] = pem;
    return serial;
  });
  const { keys } = await control.get('/state');
  const returned = keys.certificates.filter((it) => it.is_returned).map((it) => it.serial);
  check('certificates: all of them', serials.sort(), returned.sort());
}

async function find(wechat, setup) {
  const ask = (plate, color, openid) => wechat.v3.vehicle.parking.services.find.get({
    params: { appid: setup.appid, plate_number: plate, plate_color: color, openid },
  });
  const { data } = await ask(PLATE, 'BLUE', setup.openid);
  check('find: in service', [data.plate_number, data.service_state], [PLATE, 'NORMAL']);
  const other = await ask(PLATE, 'BLUE', 'somebodyElse');
  check('find: another driver has not opened it', other.data.service_state, 'OUT_SERVICE');
  const refusal = await refused(ask(PLATE, 'PINK', setup.openid));
  check('find: no such colour', [refusal.status, refusal.data.code], [400, 'PARAM_ERROR']);
}

async function stay(wechat, control, receiver) {
  const body = {
    out_parking_no: `P${RUN}1`,
    plate_number: PLATE,
    plate_color: 'BLUE',
    notify_url: receiver.url,
    start_time: stamp(-3600),
    parking_name: '测试停车场',
    free_duration: 0,
  };
  const { parkings } = wechat.v3.vehicle.parking;
  const { data: entry } = await parkings.post(body);
  check('entry: registered, without free time', [entry.state, entry.plate_number], ['NORMAL', PLATE]);
  const { data: again } = await parkings.post(body);
  check('entry: the same again is the same entry', again.id, entry.id);
  const { data: blocked } = await (async () => {
    await control.post(`/plates/${encodeURIComponent(OTHER_PLATE)}`, { service: { blocked: 'PAUSE' } });
    return parkings.post({ ...body, out_parking_no: `P${RUN}2`, plate_number: OTHER_PLATE });
  })();
  check('entry: of a driver who paused', [blocked.state, blocked.block_reason], ['BLOCKED', 'PAUSE']);
  await control.post(`/plates/${encodeURIComponent(OTHER_PLATE)}`, { service: 'normal' });
  const told = await receiver.wait('VEHICLE.ENTRANCE_STATE_CHANGE', (it) => it.parking_id === blocked.id);
  check('callback: who goes on', told.parking_state, 'NORMAL');
  return { ...body, id: entry.id };
}

async function charge(wechat, setup, control, receiver, entry) {
  const number = `T${RUN}1`;
  const body = {
    appid: setup.appid,
    description: '停车费',
    out_trade_no: number,
    trade_scene: 'PARKING',
    notify_url: receiver.url,
    profit_sharing: 'N',
    amount: { total: 1500, currency: 'CNY' },
    parking_info: {
      parking_id: entry.id,
      plate_number: PLATE,
      plate_color: 'BLUE',
      start_time: entry.start_time,
      end_time: stamp(-60),
      parking_name: entry.parking_name,
      charging_duration: 3540,
      device_id: 'E1',
    },
  };
  await control.post('/settings', { settle_after_ms: 3_600_000 });
  const { transactions } = wechat.v3.vehicle;
  const unknownKey = await refused(transactions.parking.post({ ...body, colour: 'BLUE' }));
  check('charge: an unknown key is refused', [unknownKey.status, unknownKey.data.code], [400, 'PARAM_ERROR']);
  const { data: order } = await transactions.parking.post(body);
  check('charge: accepted', [order.trade_state, order.amount.total], ['ACCEPTED', 1500]);
  const other = await refused(transactions.parking.post({ ...body, amount: { total: 1600, currency: 'CNY' } }));
  check('charge: the same number with another sum is refused', [other.status, other.data.code], [400, 'INVALID_REQUEST']);
  check('query: on its way', (await query(wechat, number)).trade_state, 'ACCEPTED');

  await control.post(`/charges/${number}/settle`, { outcome: 'advanced' });
  const told = await receiver.wait('TRANSACTION.SUCCESS', (it) => it.out_trade_no === number);
  check('callback: WeChat advanced the money', [told.trade_state, told.bank_type, told.user_repaid], ['SUCCESS', 'BPA', 'N']);
  const asked = await query(wechat, number);
  check('query: paid', [asked.trade_state, asked.transaction_id], ['SUCCESS', told.transaction_id]);
  const nobody = await refused(query(wechat, `T${RUN}9`));
  check('query: an order that nobody made', [nobody.status, nobody.data.code], [404, 'ORDER_NOT_EXIST']);
  return { number, transaction: told.transaction_id };
}

async function query(wechat, number) {
  const { data } = await wechat.v3.vehicle.transactions.outTradeNo['{number}'].get({ number });
  return data;
}

async function refund(wechat, control, receiver, paid) {
  await control.post('/settings', { refund_after_ms: 3_600_000 });
  const number = `R${RUN}-1`;
  const body = {
    transaction_id: paid.transaction,
    out_refund_no: number,
    reason: '误收',
    notify_url: receiver.url,
    amount: { refund: 500, total: 1500, currency: 'CNY' },
  };
  const { refunds } = wechat.v3.refund.domestic;
  const { data: made } = await refunds.post(body);
  check('refund: on its way', [made.status, made.out_trade_no], ['PROCESSING', paid.number]);
  const soon = await refused(refunds.post({ ...body, out_refund_no: `R${RUN}-2` }));
  check('refund: the next within a minute is refused', [soon.status, soon.data.code], [400, 'INVALID_REQUEST']);
  await control.post(`/refunds/${number}/end`, { outcome: 'abnormal' });
  const told = await receiver.wait('REFUND.ABNORMAL', (it) => it.out_refund_no === number);
  check('callback: the card is dead', told.refund_status, 'ABNORMAL');
  const { data: asked } = await refunds['{number}'].get({ number });
  check('refund query: likewise', [asked.status, asked.refund_id], ['ABNORMAL', made.refund_id]);
}

async function native(wechat, setup) {
  const number = `N${RUN}1`;
  const { transactions } = wechat.v3.pay;
  const { data: order } = await transactions.native.post({
    mchid: setup.mchid,
    appid: setup.appid,
    description: '停车费',
    out_trade_no: number,
    notify_url: 'https://pay.example.cn/native',
    amount: { total: 100 },
  });
  check('native: a code to scan', order.code_url.startsWith('weixin://wxpay/bizpayurl?pr='), true);
  const params = { mchid: setup.mchid };
  const byNumber = transactions.outTradeNo['{number}'];
  const { data: asked } = await byNumber.get({ params, number });
  check('native: nobody has paid', asked.trade_state, 'NOTPAY');
  const closed = await byNumber.close.post(params, { number });
  check('native: closed, without a body', closed.status, 204);
}

async function callbacks(control, receiver) {
  const [{ number, id }] = (await control.get('/callbacks?last=1')).callbacks;
  await control.post('/settings', { callback_ladder_ms: [0] });
  for (const fault of ['forged', 'probe', 'unsigned', 'old', 'truncated', 'other_key']) {
    const before = receiver.refused;
    await control.post(`/callbacks/${number}/deliver`, { fault });
    await until(`callback: ${fault} is not believed, and the next delivery is`, async () => {
      const { callbacks: rows } = await control.get('/callbacks?last=1000');
      const row = rows.find((it) => it.number === number);
      return receiver.refused > before && row.state === 'taken';
    });
  }
  const before = receiver.count(id);
  await control.post(`/callbacks/${number}/deliver`, { fault: 'twice' });
  await until('callback: twice at once, with one id', () => receiver.count(id) >= before + 2);
}

async function badAnswers(wechat, control, number) {
  for (const [fault, code] of [
    ['wrong_signature', 'EV3_RES_HEADER_SIGNATURE_DIGEST'],
    ['probe_signature', 'EV3_RES_HEADER_SIGNATURE_DIGEST'],
    ['unknown_serial', 'EV3_RES_HEADER_PLATFORM_SERIAL'],
    ['unsigned', 'EV3_RES_HEADERS_INCOMPLATE'],
  ]) {
    await control.post('/faults/next', { call: 'query', fault });
    const error = await query(wechat, number).then(() => null, (it) => it);
    check(`query: an answer with ${fault} is not believed`, error && error.code, code);
  }
  await control.post('/faults/next', { call: 'query', fault: 'error_before' });
  const failed = await refused(query(wechat, number));
  check('query: WeChat fails', [failed.status, failed.data.code], [500, 'SYSTEM_ERROR']);
  await query(wechat, number);
}

async function rotation(setup, control, number) {
  await control.post('/settings', { trust: 'public_key' });
  const byKey = client(setup, { [setup.public_key_id]: fs.readFileSync(setup.public_key_file) }, {});
  check('keys: the public key alone', (await query(byKey, number)).trade_state, 'REFUND');
  const gone = await refused(byKey.v3.certificates.get());
  check('keys: no certificates any more', gone.status, 404);
  await control.post('/settings', { trust: 'both' });
  await control.post('/keys/api-v3', {});
  const ring = {};
  await platformCertificates(client(setup, { [setup.public_key_id]: fs.readFileSync(setup.public_key_file) }, { 'Wechatpay-Serial': setup.public_key_id }), setup, ring, control);
  check('keys: a new APIv3 key opens the certificates', Object.keys(ring).length > 0, true);
}

// The sandbox's own API.
class Control {
  constructor(url) { this.url = url; }

  get(path) { return this.ask(path, {}); }

  post(path, body) {
    return this.ask(path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
  }

  async ask(path, options) {
    const answer = await fetch(this.url + path, { ...options, signal: AbortSignal.timeout(DEADLINE_MS) });
    if (!answer.ok) throw new Error(`control: ${path}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  }
}

// Takes callbacks as a merchant's server would, by the package's own functions.
class Receiver {
  constructor(setup, ring) {
    this.key = fs.readFileSync(setup.api_v3_key_file, 'utf8');
    this.ring = ring;
    this.told = [];
    this.seen = [];
    this.refused = 0;
  }

  async listen() {
    this.server = http.createServer((request, response) => {
      const parts = [];
      request.on('data', (part) => parts.push(part));
      request.on('end', () => {
        response.statusCode = this.take(request.headers, Buffer.concat(parts).toString('utf8')) ? 204 : 500;
        response.end();
      });
    });
    await new Promise((resolve) => { this.server.listen(0, '127.0.0.1', resolve); });
    this.url = `http://127.0.0.1:${this.server.address().port}/wechat`;
  }

  take(headers, body) {
    try {
      const at = headers['wechatpay-timestamp'];
      if (Math.abs(Formatter.timestamp() - Number(at)) > 300) throw new Error('too old');
      const text = Formatter.response(at, headers['wechatpay-nonce'], body);
      const key = Rsa.from(this.ring[headers['wechatpay-serial']], Rsa.KEY_TYPE_PUBLIC);
      if (!Rsa.verify(text, headers['wechatpay-signature'], key)) throw new Error('not WeChat\'s');
      const { id, event_type: event, resource } = JSON.parse(body);
      const opened = Aes.AesGcm.decrypt(resource.ciphertext, this.key, resource.nonce, resource.associated_data);
      this.told.push([event, JSON.parse(opened)]);
      this.seen.push(id);
      return true;
    } catch {
      this.refused += 1;
      return false;
    }
  }

  count(id) { return this.seen.filter((it) => it === id).length; }

  async wait(event, fits) {
    const look = () => this.told.filter(([kind, it]) => kind === event && fits(it));
    await until(`callback: ${event}`, () => look().length > 0);
    return look().at(-1)[1];
  }

  close() { this.server.close(); }
}

async function refused(call) {
  try {
    await call;
  } catch (error) {
    if (error.response) return error.response;
    throw error;
  }
  throw new Error('what should have been refused was done');
}

function check(what, found, wanted) {
  if (!isDeepStrictEqual(found, wanted)) {
    const shown = (it) => JSON.stringify(it, (_, value) => (typeof value === 'bigint' ? `${value}` : value));
    throw new Error(`${what}: ${shown(found)}, and not ${shown(wanted)}`);
  }
  console.log(`ok  ${what}`);
}

async function until(what, isSo) {
  const giveUp = performance.now() + DEADLINE_MS;
  while (!await isSo()) {
    if (performance.now() > giveUp) throw new Error(`${what}: did not happen within ${DEADLINE_MS} ms`);
    await new Promise((resolve) => { setTimeout(resolve, 20); });
  }
  console.log(`ok  ${what}`);
}

function stamp(seconds) {
  const at = new Date(Date.now() + (8 * 3600 + seconds) * 1000);
  return `${at.toISOString().slice(0, 19)}+08:00`;
}

main(process.argv[2]).then(() => process.exit(0), (error) => {
  console.error(`wechatpay-axios-plugin: ${error.message}`);
  process.exit(1);
});
