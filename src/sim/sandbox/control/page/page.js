const LOOK_EVERY_MS = 2000;
const TOLD_MS = 1500;
const TOLD_BAD_MS = 8000;

const by = (id) => document.getElementById(id);
const chosen = { language: navigator.language.startsWith('zh') ? 'zh' : 'en', list: 'requests' };
const word = (key) => WORDS[key][chosen.language];
// A word that WeChat or a client made up is shown as it is.
const named = (kind, value) => (WORDS[`${kind}_${value}`] ? word(`${kind}_${value}`) : value);

// Whatever comes from outside goes in as text, never as markup.
function element(tag, text, className) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function button(text, does, className) {
  const made = element('button', text, className);
  made.type = 'button';
  made.addEventListener('click', does);
  return made;
}

function fill(select, values, shown) {
  const kept = select.value;
  select.replaceChildren(...values.map((value) => {
    const option = element('option', shown(value));
    option.value = value;
    return option;
  }));
  if (values.includes(kept)) select.value = kept;
}

// A table that would be the same stays: whoever is selecting in it, or about to press, is not disturbed.
const drawn = {};
function table(id, source, heads, rows) {
  const now = JSON.stringify([chosen.language, chosen.list, source]);
  if (drawn[id] === now) return;
  drawn[id] = now;
  const head = element('tr');
  head.append(...heads.map((it) => element('th', it)));
  const body = rows.map((cells) => {
    const row = element('tr');
    row.append(...cells.map(cell));
    return row;
  });
  const nothing = element('tr');
  nothing.append(element('td', word('nothing'), 'dim'));
  by(id).replaceChildren(...(heads.length && rows.length ? [head] : []), ...(rows.length ? body : [nothing]));
}

// Text, { text, className }, or { nodes, className }.
function cell(it) {
  const made = element('td', it.nodes ? undefined : it.text ?? it, it.className);
  if (it.nodes) made.append(...it.nodes.filter(Boolean));
  return made;
}

const tinted = (text, className) => ({ text, className });
const STATES = { SUCCESS: 'good', NORMAL: 'good', taken: 'good', ACCEPTED: 'wait', ACCEPT: 'wait', PROCESSING: 'wait', NOTPAY: 'wait', waiting: 'wait', REFUND: 'dim', CLOSED: 'dim' };
const state = (text) => tinted(text, STATES[text] ?? 'bad');
const lines = (...numbers) => ({ nodes: numbers.filter(Boolean).map((it) => element('code', it, 'line')) });
const actions = (list) => {
  const keys = element('div', undefined, 'keys');
  keys.append(...list.map(([text, path, body]) => button(text, () => act(path, body))));
  return { nodes: [keys] };
};
// Puts it where something can be set for it.
const plateCell = (number) => ({ nodes: [button(number, () => {
  by('plate-number').value = number;
  by('plate-number').focus();
}, 'link')] });

const opened = new Set();
function unfolding(key, summary, value) {
  const made = element('details');
  made.open = opened.has(key);
  made.append(element('summary', summary), element('pre', JSON.stringify(value, null, 2)));
  made.addEventListener('toggle', () => { if (made.open) opened.add(key); else opened.delete(key); });
  return made;
}

function pairs(id, entries) {
  by(id).replaceChildren(...entries.flatMap(([name, value]) => [element('dt', name), element('dd', value)]));
}

let today = '';
const short = (time) => (time ? (time.slice(0, 10) === today ? '' : `${time.slice(5, 10)} `) + time.slice(11, 19) : '');
const yuan = (fen) => `¥${Math.trunc(fen / 100)}.${String(fen % 100).padStart(2, '0')}`;

// A fault is a word, or a word with a number.
const UNITS = { slow: 'ms', throttled: 's', late: 'ms' };
function faultWords(kind, fault) {
  if (fault === null || fault === undefined) return '';
  if (typeof fault === 'string') return named(kind, fault);
  const [name, number] = Object.entries(fault)[0];
  return [named(kind, name), number, UNITS[name]].filter(Boolean).join(' ');
}

// Those that follow each other and are alike are counted.
function queue(kind, faults) {
  const groups = [];
  for (const fault of faults.map((it) => faultWords(kind, it))) {
    if (groups.at(-1)?.fault === fault) groups.at(-1).times += 1;
    else groups.push({ fault, times: 1 });
  }
  return groups.map(({ fault, times }) => (times > 1 ? `${times} × ${fault}` : fault)).join('; ');
}

// Puts a charge into bills again, or leaves it out of them.
function billed(number, { bills_without: without }) {
  const isOut = without.includes(number);
  const numbers = isOut ? without.filter((it) => it !== number) : [...without, number];
  return [word(isOut ? 'put_back' : 'leave_out'), '/settings', { bills_without: numbers }];
}

function paid({ total, payer_total: paidFen }) {
  const isLess = paidFen !== undefined && paidFen !== total;
  return { nodes: [element('span', yuan(total), 'line'), isLess && element('span', `${word('discounted')} ${yuan(paidFen)}`, 'line dim')] };
}

// Where each list comes from, and what it and the settings are shown as.
const SHOW = {
  requests: ['/requests?last=100', (told) => [
    [word('time'), word('call'), word('status'), word('request')],
    told.requests.map((it) => [
      short(it.at), it.call,
      it.status === null ? tinted('–', 'bad') : tinted(String(it.status), it.status < 300 ? 'good' : 'bad'),
      { className: 'long', nodes: [
        element('code', `${it.method} ${it.target}`, 'line'),
        it.fault && element('span', `${word('fault')}: ${faultWords('fault', it.fault)}`, 'line wait'),
        it.refusal?.code && element('span', `${it.refusal.code} ${it.refusal.message}`, 'line bad'),
        it.refusal?.detail && unfolding(`request ${it.number}`, word('detail'), it.refusal.detail),
      ] },
    ]),
  ]],
  refused: ['/requests?refused=true&last=100', (told) => SHOW.requests[1](told)],
  violations: ['/violations?last=100', (told) => [
    [word('time'), word('call'), word('kind'), word('detail')],
    told.violations.map((it) => [short(it.at), it.call, tinted(it.kind, 'bad'), { className: 'long', nodes: [element('code', it.detail)] }]),
  ]],
  entries: ['/entries?last=100', (told) => [
    [word('time'), word('plate'), word('state'), 'out_parking_no / parking_id', word('charged_by')],
    told.entries.map((it) => [
      short(it.start_time), plateCell(it.plate_number), state(it.block_reason ?? it.state), lines(it.out_parking_no, it.parking_id),
      it.superseded && !it.charged_by.length ? tinted(word('superseded'), 'dim') : lines(...it.charged_by),
    ]),
  ]],
  charges: ['/charges?last=100', (told, settings) => [
    [word('time'), word('plate'), word('state'), word('amount'), 'out_trade_no / transaction_id', ''],
    told.charges.map((it) => [
      short(it.create_time), plateCell(it.parking_info.plate_number), state(it.trade_state), paid(it.amount),
      lines(it.out_trade_no, it.transaction_id),
      actions(it.trade_state.startsWith('ACCEPT') ? [
        [word('settle_success'), `/charges/${encodeURIComponent(it.out_trade_no)}/settle`, { outcome: 'success' }],
        [word('settle_fail'), `/charges/${encodeURIComponent(it.out_trade_no)}/settle`, { outcome: 'pay_fail' }],
      ] : it.success_time ? [billed(it.out_trade_no, settings)] : []),
    ]),
  ]],
  refunds: ['/refunds?last=100', (told) => [
    [word('time'), word('state'), word('amount'), 'out_refund_no / out_trade_no', ''],
    told.refunds.map((it) => [
      short(it.create_time), state(it.status), yuan(it.amount.refund), lines(it.out_refund_no, it.out_trade_no),
      actions(it.status === 'PROCESSING' ? [
        [word('end_success'), `/refunds/${encodeURIComponent(it.out_refund_no)}/end`, { outcome: 'success' }],
        [word('end_abnormal'), `/refunds/${encodeURIComponent(it.out_refund_no)}/end`, { outcome: 'abnormal' }],
      ] : []),
    ]),
  ]],
  natives: ['/natives?last=100', (told) => [
    [word('state'), word('amount'), 'out_trade_no', ''],
    told.natives.map((it) => [
      state(it.trade_state), yuan(it.total_fen), lines(it.out_trade_no),
      actions(it.trade_state === 'NOTPAY' ? [[word('pay'), `/natives/${encodeURIComponent(it.out_trade_no)}/pay`]] : []),
    ]),
  ]],
  callbacks: ['/callbacks?last=100', (told) => [
    [word('time'), word('state'), word('event'), word('answers'), ''],
    told.callbacks.map((it) => [
      short(it.created), state(it.state),
      { className: 'long', nodes: [unfolding(`callback ${it.number}`, it.event_type, it.resource), element('code', it.url, 'line dim')] },
      { className: 'long', text: it.answers.map((one) => `${one.status ?? '–'}${one.fault === 'pass' ? '' : ` (${faultWords('callback', one.fault)})`}`).join(', ') },
      actions([[word('deliver'), `/callbacks/${it.number}/deliver`]]),
    ]),
  ]],
};

async function ask(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Error(word('gone'));
  }
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.error);
  return body;
}

async function act(path, body = {}, method = 'POST') {
  try {
    const headers = { 'Content-Type': 'application/json' };
    await ask(path, { method, headers, body: method === 'POST' ? JSON.stringify(body) : undefined });
    tell(word('done'));
  } catch (error) {
    tell(error.message, true);
    return false;
  }
  await look();
  return true;
}

let hiding;
function tell(text, bad = false) {
  const told = by('told');
  told.textContent = text;
  told.className = bad ? 'bad' : '';
  told.hidden = false;
  clearTimeout(hiding);
  hiding = setTimeout(() => { told.hidden = true; }, bad ? TOLD_BAD_MS : TOLD_MS);
}

// A value that somebody is changing is left alone.
function put(id, value) {
  const input = by(id);
  if (document.activeElement !== input && !input.dataset.touched) input.value = value ?? '';
}

const seconds = (ms) => (ms === null ? null : ms / 1000);

function showState(told) {
  today = told.now.slice(0, 10);
  by('address').textContent = told.client.base_url;
  by('now').textContent = `${today} ${told.now.slice(11, 19)} ${told.now.slice(19)}`;
  showSettings(told);
  showFaults(told);
  showCounts(told.counts);
  showKeys(told.keys, told.client.merchant_serial);
  by('calls-back').checked = told.settings.calls_back;
  by('calls-back').disabled = !told.can_call_back;
  by('calls-nobody').hidden = told.can_call_back;
  pairs('client', Object.entries(told.client).filter(([, value]) => value !== null));
}

function showKeys({ certificates, merchant }, newest) {
  table('certificates', certificates, [], certificates.map((it) => [
    { nodes: [element('code', it.serial), element('span', word(it.signs ? 'signs' : it.is_returned ? 'downloaded' : 'kept_back'), it.signs ? 'line good' : 'line dim')] },
  ]));
  table('merchant-certificates', [merchant, newest], [], merchant.map(({ serial, refused_from: from }) => [
    { nodes: [element('code', serial), serial === newest ? element('span', word('newest'), 'line good')
      : element('span', from ? `${word('refused_from')} ${short(from)}` : word('accepted'), from ? 'line bad' : 'line dim')] },
  ]));
}

function showSettings({ settings, faults, ahead_ms: aheadMs }) {
  put('settle', seconds(settings.settle_after_ms));
  put('repay', seconds(settings.repay_after_ms));
  put('refund', seconds(settings.refund_after_ms));
  put('refund-outcome', settings.refund_outcome);
  put('latency', seconds(settings.latency_ms));
  put('ahead', seconds(aheadMs));
  put('trust-mode', settings.trust);
  put('outage-kind', faults.outage);
  put('coupon-yuan', settings.coupon ? settings.coupon.fen / 100 : null);
  if (settings.coupon) put('coupon-payer', settings.coupon.merchants ? 'merchant' : 'wechat');
  for (const name of SWITCHES) by(`switch-${name}`).checked = settings.switches[name];
}

function showFaults({ faults, faults_next: next, callback_faults: callbacks }) {
  const queued = [['', next.any], ...next.on.map((it) => [it.call, it.faults])].filter(([, some]) => some.length);
  const rates = Object.entries(faults.rates).filter(([, permille]) => permille).map(([name, permille]) => `${named('fault', name)} ${permille} ‰`);
  pairs('faults-now', [
    [word('standing'), [faultWords('fault', faults.standing), ...rates].filter(Boolean).join(', ') || word('none')],
    [word('waiting'), queued.map(([call, some]) => `${call || word('any_call')}: ${queue('fault', some)}`).join(' | ') || word('none')],
  ]);
  pairs('callbacks-now', [[word('waiting'), queue('callback', callbacks) || word('none')]]);
}

function showCounts(counts) {
  for (const count of document.querySelectorAll('#lists .count')) {
    const number = counts[count.dataset.list];
    count.textContent = number || '';
    count.classList.toggle('bad', count.dataset.list === 'violations' && number > 0);
  }
}

async function look() {
  try {
    const { list } = chosen;
    const [path, rows] = SHOW[list];
    const [told, plates, listed] = await Promise.all([ask('/state'), ask('/plates'), ask(path)]);
    if (list !== chosen.list) return;
    showState(told);
    table('plates', plates, [], Object.entries(plates.plates).map(([number, it]) => [
      plateCell(number),
      tinted(named('service', it.service.blocked ?? it.service), it.service === 'normal' ? 'good' : 'bad'),
      named('outcome', it.outcome),
    ]));
    table('rows', [listed, told.settings.bills_without], ...rows(listed, told.settings));
  } catch (error) {
    tell(error.message, true);
  }
}

function speak() {
  document.documentElement.lang = chosen.language === 'zh' ? 'zh-CN' : 'en';
  by('language').textContent = LANGUAGES[chosen.language];
  for (const it of document.querySelectorAll('[data-word]')) it.textContent = word(it.dataset.word);
  const choices = (id, kind, values) => fill(by(id), values, (value) => word(`${kind}_${value}`));
  choices('plate-service', 'service', SERVICES);
  choices('plate-outcome', 'outcome', OUTCOMES);
  choices('refund-outcome', 'refund', REFUND_OUTCOMES);
  choices('outage-kind', 'outage', OUTAGES);
  choices('trust-mode', 'trust', TRUST);
  choices('fault-kind', 'fault', FAULTS);
  choices('callback-fault', 'callback', CALLBACK_FAULTS);
  choices('coupon-payer', 'coupon', COUPON_PAYERS);
  by('switches').replaceChildren(...SWITCHES.map(switching));
  fill(by('fault-call'), CALLS, (call) => call || word('any_call'));
  by('lists').replaceChildren(...LISTS.map((list) => {
    const made = button(word(list), () => { chosen.list = list; speak(); look(); });
    made.setAttribute('aria-pressed', String(list === chosen.list));
    const count = element('span', '', 'count');
    count.dataset.list = list;
    made.append(count);
    return made;
  }));
  units();
}

function switching(name) {
  const made = element('label', undefined, 'switch');
  const input = element('input');
  input.type = 'checkbox';
  input.id = `switch-${name}`;
  input.addEventListener('change', () => act('/settings', { switches: { [name]: input.checked } }));
  made.append(input, element('span', word(`switch_${name}`)));
  return made;
}

// What a number means depends on the fault; most have none.
function units() {
  const kind = by('fault-kind').value;
  const hasNumber = WITH_NUMBER.includes(kind);
  by('fault-unit').textContent = hasNumber ? word(`unit_${kind}`) : '';
  const isLate = by('callback-fault').value === 'late';
  for (const [input, wanted] of [['fault-number', hasNumber], ['callback-ms', isLate]]) {
    by(input).hidden = !wanted;
    by(input).disabled = !wanted;
    document.querySelector(`label[for=${input}]`).hidden = !wanted;
  }
}

function on(form, does) {
  by(form).addEventListener('submit', async (event) => {
    event.preventDefault();
    if (await does() === false) return;
    for (const input of by(form).elements) delete input.dataset.touched;
    look();
  });
}

const number = (id) => Number(by(id).value);
const milliseconds = (id) => (by(id).value === '' ? null : Math.round(number(id) * 1000));
const plate = () => `/plates/${encodeURIComponent(by('plate-number').value)}`;
const fault = () => {
  const kind = by('fault-kind').value;
  return WITH_NUMBER.includes(kind) ? { [kind]: number('fault-number') } : kind;
};

on('plate', () => {
  const service = by('plate-service').value;
  const isWord = service === 'normal' || service === 'not_enrolled';
  return act(plate(), { service: isWord ? service : { blocked: service }, outcome: by('plate-outcome').value });
});
by('plate-forget').addEventListener('click', () => act(plate(), {}, 'DELETE'));
on('fault', () => {
  const call = by('fault-call').value;
  return act('/faults/next', { fault: fault(), times: number('fault-times'), ...(call && { call }) });
});
by('fault-standing').addEventListener('click', () => act('/faults', { standing: fault() }));
by('fault-none').addEventListener('click', () => act('/faults', {}, 'DELETE'));
on('outage', () => act('/faults', { outage: by('outage-kind').value }));
on('settings', async () => await act('/clock', { ahead_ms: milliseconds('ahead') }) && act('/settings', {
  settle_after_ms: milliseconds('settle'),
  repay_after_ms: milliseconds('repay'),
  refund_after_ms: milliseconds('refund'),
  refund_outcome: by('refund-outcome').value,
  latency_ms: milliseconds('latency'),
}));
on('coupon', () => act('/settings', {
  coupon: by('coupon-yuan').value === '' ? null : { fen: Math.round(number('coupon-yuan') * 100), merchants: by('coupon-payer').value === 'merchant' },
}));
on('merchant-retire', () => act('/keys/merchant/retire', { after_ms: milliseconds('merchant-after') }));
by('calls-back').addEventListener('change', () => act('/settings', { calls_back: by('calls-back').checked }));
on('trust', () => act('/settings', { trust: by('trust-mode').value }));
on('callback', () => {
  const kind = by('callback-fault').value;
  return act('/callbacks/faults', { faults: [kind === 'late' ? { late: number('callback-ms') } : kind] });
});
for (const it of document.querySelectorAll('[data-post]')) it.addEventListener('click', () => act(it.dataset.post));
for (const id of ['fault-kind', 'callback-fault']) by(id).addEventListener('change', units);
document.addEventListener('input', (event) => { event.target.dataset.touched = 'yes'; });
by('language').addEventListener('click', () => {
  chosen.language = chosen.language === 'en' ? 'zh' : 'en';
  speak();
  look();
});

speak();
look();
setInterval(look, LOOK_EVERY_MS);
