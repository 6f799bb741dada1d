// What wechatpay-axios-plugin does in a second of processor time of each: sign, verify, decrypt.
// `sdk.js inputs.json` prints three numbers.

'use strict';

const fs = require('node:fs');

const { Aes, Formatter, Rsa } = require('wechatpay-axios-plugin');

const BATCH = 64;

const inputs = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'));
const own = Rsa.from(inputs.private_key, Rsa.KEY_TYPE_PRIVATE);
const wechats = Rsa.from(inputs.public_key, Rsa.KEY_TYPE_PUBLIC);
const { nonce, ciphertext, associated_data: associated } = inputs.sealed;

const sign = () => Rsa.sign(inputs.message, own);
const verify = () => Rsa.verify(Formatter.response(inputs.timestamp, inputs.nonce, inputs.answer), inputs.signature, wechats);
const decrypt = () => Aes.AesGcm.decrypt(ciphertext, inputs.api_v3_key, nonce, associated);

function perSecond(operation) {
  let done = 0;
  const began = ran();
  while (ran() - began < inputs.seconds) {
    for (let at = 0; at < BATCH; at += 1) if (!operation()) throw new Error(`${operation.name} failed`);
    done += BATCH;
  }
  return done / (ran() - began);
}

// Seconds of processor time, of all threads.
function ran() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

console.log(JSON.stringify([perSecond(sign), perSecond(verify), perSecond(decrypt)]));
