"""The PyPI package wechatpayv3 against a running `parkgate sandbox`.

    wechatpayv3_client.py client.json

Prints a line for each thing that was found to be as WeChat Pay has it, and fails at the first that is not.
"""

import json
import os
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from wechatpayv3 import WeChatPay, WeChatPayType

DEADLINE_S = 30
PLATE = "粤B88888"
OTHER_PLATE = "京A12345"
# Not to be had from the clock: two runs against one sandbox must not meet.
RUN = os.urandom(6).hex().upper()


def main(client_file):
    setup = json.loads(Path(client_file).read_text(encoding="utf-8"))
    # The package goes through `requests`, which trusts what this names.
    os.environ["REQUESTS_CA_BUNDLE"] = setup["ca_file"]
    control = Control(setup["control_url"])
    receiver = Receiver()
    certificates = tempfile.mkdtemp()
    by_key = client(setup, receiver.url, public_key=True, cert_dir=certificates)
    receiver.verify_with(by_key)

    platform_certificates(by_key, certificates, control)
    find(by_key, setup)
    entry = stay(by_key, control, receiver)
    number, transaction = charge(by_key, control, receiver, entry)
    refund(by_key, control, receiver, number, transaction)
    native(by_key)
    callbacks(by_key, control, receiver)
    bad_answers(by_key, control, number)
    rotation(setup, control, certificates, number)

    believed = [it for it in control.get("/violations")["violations"] if it["kind"] == "callback_believed"]
    check("nothing false was believed", believed, [])
    receiver.close()
    print("wechatpayv3: everything is as WeChat Pay has it")


def client(setup, notify_url, public_key, cert_dir):
    keys = {}
    if public_key:
        keys = {"public_key": text(setup["public_key_file"]), "public_key_id": setup["public_key_id"]}
    made = WeChatPay(
        wechatpay_type=WeChatPayType.NATIVE,
        mchid=setup["mchid"],
        private_key=text(setup["private_key_file"]),
        cert_serial_no=setup["merchant_serial"],
        appid=setup["appid"],
        apiv3_key=text(setup["api_v3_key_file"]),
        notify_url=notify_url,
        cert_dir=cert_dir,
        timeout=(10, 30),
        **keys,
    )
    # The package knows one gateway and no way to name another.
    made._core._gate_way = setup["base_url"]
    return made


def platform_certificates(wechat, folder, control):
    wechat._core._update_certificates()
    kept = {path.stem for path in Path(folder).iterdir()}
    listed = {it["serial"] for it in control.get("/state")["keys"]["certificates"] if it["is_returned"]}
    check("certificates: every one is opened with the APIv3 key", kept, listed)
    serials = {int(serial, 16) for serial in listed}
    check("certificates: their serials are those listed",
          {it.serial_number for it in wechat._core._certificates}, serials)


def find(wechat, setup):
    code, body = wechat.parking_service_find(PLATE, "BLUE", setup["openid"])
    check("find: a plate in characters is refused, as the package signs it unencoded",
          (code, json.loads(body)["code"]), (401, "SIGN_ERROR"))
    quoted = urllib.parse.quote(PLATE)
    answer = done("find", wechat.parking_service_find(quoted, "BLUE", setup["openid"]))
    check("find: encoded beforehand it is answered",
          (answer["plate_number"], answer["service_state"]), (PLATE, "NORMAL"))
    answer = done("find", wechat.parking_service_find(quoted, "BLUE", "somebodyElse"))
    check("find: another driver has not opened it", answer["service_state"], "OUT_SERVICE")


def stay(wechat, control, receiver):
    start = stamp(-3600)
    body = dict(out_parking_no=f"P{RUN}1", plate_number=PLATE, plate_color="BLUE", start_time=start,
                parking_name="测试停车场", free_duration=900)
    entry = done("entry", wechat.parking_enter(**body))
    check("entry: registered", (entry["state"], entry["plate_number"]), ("NORMAL", PLATE))
    again = done("entry", wechat.parking_enter(**body))
    check("entry: the same again is the same entry", again["id"], entry["id"])
    code, refusal = wechat.parking_enter(**{**body, "parking_name": "别的停车场"})
    check("entry: the same number with other content is refused",
          (code, json.loads(refusal)["code"]), (400, "INVALID_REQUEST"))

    control.post(f"/plates/{urllib.parse.quote(PLATE)}", {"service": {"blocked": "OVERDUE"}})
    told = receiver.wait("VEHICLE.ENTRANCE_STATE_CHANGE", lambda it: it["parking_id"] == entry["id"])
    check("callback: a driver in arrears", (told["parking_state"], told["blocked_state_description"]),
          ("BLOCKED", "OVERDUE"))
    control.post(f"/plates/{urllib.parse.quote(PLATE)}", {"service": "normal"})
    told = receiver.wait("VEHICLE.ENTRANCE_STATE_CHANGE",
                         lambda it: it["parking_id"] == entry["id"] and it["parking_state"] == "NORMAL")
    check("callback: and out of them", told["plate_number"], PLATE)
    return {**body, "id": entry["id"]}


def charge(wechat, control, receiver, entry):
    number = f"T{RUN}1"
    body = dict(description="停车费", out_trade_no=number, total=1500, parking_id=entry["id"],
                plate_number=PLATE, plate_color="BLUE", start_time=entry["start_time"], end_time=stamp(-60),
                parking_name=entry["parking_name"], charging_duration=3540, device_id="E1", attach="lane=E1")
    control.post("/settings", {"settle_after_ms": 3_600_000})
    code, refusal = wechat.parking_order(**{**body, "plate_color": "GREEN"})
    check("charge: another colour than the entry's is refused",
          (code, json.loads(refusal)["code"]), (400, "INVALID_REQUEST"))
    order = done("charge", wechat.parking_order(**body))
    check("charge: accepted", (order["trade_state"], order["amount"]["total"]), ("ACCEPTED", 1500))
    again = done("charge", wechat.parking_order(**body))
    check("charge: the same again is the same charge", again["create_time"], order["create_time"])
    code, refusal = wechat.parking_order(**{**body, "total": 1600})
    check("charge: the same number with another sum is refused",
          (code, json.loads(refusal)["code"]), (400, "INVALID_REQUEST"))
    code, refusal = wechat.parking_order(**{**body, "out_trade_no": f"T{RUN}2"})
    check("charge: a second one on the entry is refused",
          (code, json.loads(refusal)["code"]), (400, "INVALID_REQUEST"))
    asked = done("query", wechat.parking_order_query(number))
    check("query: on its way", (asked["trade_state"], asked["attach"]), ("ACCEPTED", "lane=E1"))

    control.post(f"/charges/{number}/settle", {"outcome": "success"})
    told = receiver.wait("TRANSACTION.SUCCESS", lambda it: it["out_trade_no"] == number)
    check("callback: paid", (told["trade_state"], told["amount"]["payer_total"]), ("SUCCESS", 1500))
    asked = done("query", wechat.parking_order_query(number))
    check("query: paid", (asked["trade_state"], asked["transaction_id"]),
          ("SUCCESS", told["transaction_id"]))
    code, refusal = wechat.parking_order_query(f"T{RUN}9")
    check("query: an order that nobody made", (code, json.loads(refusal)["code"]), (404, "ORDER_NOT_EXIST"))
    return number, told["transaction_id"]


def refund(wechat, control, receiver, number, transaction):
    control.post("/settings", {"refund_after_ms": 3_600_000})
    refund_no = f"R{RUN}_1"
    amount = {"refund": 500, "total": 1500, "currency": "CNY"}
    code, refusal = wechat.refund(f"R{RUN}_0", {**amount, "refund": 1600}, out_trade_no=number)
    check("refund: more than was paid is refused",
          (code, json.loads(refusal)["code"]), (400, "INVALID_REQUEST"))
    made = done("refund", wechat.refund(refund_no, amount, transaction_id=transaction, reason="误收"))
    check("refund: on its way", (made["status"], made["out_trade_no"]), ("PROCESSING", number))
    again = done("refund", wechat.refund(refund_no, amount, transaction_id=transaction, reason="误收"))
    check("refund: the same again is the same refund", again["refund_id"], made["refund_id"])
    control.post(f"/refunds/{refund_no}/end", {"outcome": "success"})
    told = receiver.wait("REFUND.SUCCESS", lambda it: it["out_refund_no"] == refund_no)
    check("callback: refunded", (told["refund_status"], told["amount"]["refund"]), ("SUCCESS", 500))
    asked = done("refund query", wechat.query_refund(refund_no))
    check("refund query: done", (asked["status"], asked["refund_id"]), ("SUCCESS", made["refund_id"]))
    asked = done("query", wechat.parking_order_query(number))
    check("query: something went back", asked["trade_state"], "REFUND")


def native(wechat):
    number = f"N{RUN}1"
    order = done("native", wechat.pay("停车费", number, {"total": 100}))
    check("native: a code to scan", order["code_url"].startswith("weixin://wxpay/bizpayurl?pr="), True)
    check("native: nobody has paid", done("native query", wechat.query(out_trade_no=number))["trade_state"],
          "NOTPAY")
    check("native: closed, without a body", wechat.close(number)[0], 204)
    check("native: closed for good", done("native query", wechat.query(out_trade_no=number))["trade_state"],
          "CLOSED")


def callbacks(wechat, control, receiver):
    """One callback again and again, in every state that a receiver can meet it in."""
    newest = control.get("/callbacks?last=1")["callbacks"][0]
    number, identity = newest["number"], newest["id"]
    for fault in ("forged", "probe", "unsigned", "truncated", "other_key"):
        before = receiver.refused
        control.post("/settings", {"callback_ladder_ms": [0]})
        control.post(f"/callbacks/{number}/deliver", {"fault": fault})
        until(f"callback: {fault} is not believed, and the next delivery is", lambda: (
            receiver.refused > before and control.callback(number)["state"] == "taken"))
    before = receiver.seen.count(identity)
    control.post(f"/callbacks/{number}/deliver", {"fault": "twice"})
    until("callback: twice at once, with one id", lambda: receiver.seen.count(identity) >= before + 2)
    control.post(f"/callbacks/{number}/deliver", {"fault": {"late": 200}})
    until("callback: late", lambda: receiver.seen.count(identity) >= before + 3)


def bad_answers(wechat, control, number):
    for fault in ("wrong_signature", "probe_signature"):
        control.post("/faults/next", {"call": "query", "fault": fault})
        try:
            wechat.parking_order_query(number)
        except Exception as error:  # the package raises nothing narrower
            check(f"query: an answer with {fault} is not believed", "verify" in str(error), True)
        else:
            sys.exit(f"wechatpayv3: an answer with {fault} was believed")
    control.post("/faults/next", {"call": "query", "fault": "error_before"})
    code, refusal = wechat.parking_order_query(number)
    check("query: WeChat fails", (code, json.loads(refusal)["code"]), (500, "SYSTEM_ERROR"))
    control.post("/faults/next", {"call": "query", "fault": {"throttled": 2}})
    code, refusal = wechat.parking_order_query(number)
    check("query: too often", (code, json.loads(refusal)["code"]), (429, "RATELIMIT_EXCEEDED"))
    done("query", wechat.parking_order_query(number))


def rotation(setup, control, folder, number):
    """In the model of platform certificates: an unknown serial makes the client fetch them anew."""
    control.post("/settings", {"trust": "certificates"})
    by_certificate = client(setup, None, public_key=False, cert_dir=folder)
    check("certificates: answers verify with them", state_of(by_certificate, number), "REFUND")
    before = len(by_certificate._core._certificates)
    control.post("/keys/issue", {})
    control.post("/keys/retire", {})
    check("certificates: after a rotation, too", state_of(by_certificate, number), "REFUND")
    check("certificates: only the new one is left", (before > 1, len(by_certificate._core._certificates)),
          (True, 1))
    control.post("/settings", {"trust": "both"})


def state_of(wechat, number):
    return done("query", wechat.parking_order_query(number))["trade_state"]


class Control:
    """The sandbox's own API."""

    def __init__(self, url):
        self.url = url

    def get(self, path):
        return self.ask(urllib.request.Request(self.url + path))

    def post(self, path, body):
        data = json.dumps(body).encode()
        return self.ask(urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"}))

    def callback(self, number):
        rows = self.get("/callbacks?last=1000")["callbacks"]
        return next(row for row in rows if row["number"] == number)

    def ask(self, request):
        try:
            with urllib.request.urlopen(request, timeout=DEADLINE_S) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            sys.exit(f"control: {request.full_url}: {error.code} {error.read().decode()}")


class Receiver:
    """Takes callbacks as a merchant's server would, by the package's own verification."""

    def __init__(self):
        self.wechat = None
        self.told = []
        self.seen = []
        self.refused = 0
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(200 if receiver.take(self.headers, body) else 500)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/wechat"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def verify_with(self, wechat):
        self.wechat = wechat

    def take(self, headers, body):
        try:
            opened = self.wechat.callback({name: value for name, value in headers.items()}, body)
        except Exception:  # the package raises nothing narrower
            opened = None
        if not opened:
            self.refused += 1
            return False
        self.told.append((opened["event_type"], opened["resource"]))
        self.seen.append(opened["id"])
        return True

    def wait(self, event, fits):
        found = []

        def look():
            found[:] = [it for kind, it in list(self.told) if kind == event and fits(it)]
            return bool(found)

        until(f"callback: {event}", look)
        return found[-1]

    def close(self):
        self.server.shutdown()


def done(what, answer):
    code, body = answer
    if code != 200:
        sys.exit(f"wechatpayv3: {what}: {code} {body}")
    return json.loads(body)


def check(what, found, wanted):
    if found != wanted:
        sys.exit(f"wechatpayv3: {what}: {found!r}, and not {wanted!r}")
    print(f"ok  {what}")


def until(what, is_so):
    give_up = time.monotonic() + DEADLINE_S
    while not is_so():
        if time.monotonic() > give_up:
            sys.exit(f"wechatpayv3: {what}: did not happen within {DEADLINE_S} s")
        time.sleep(0.02)
    print(f"ok  {what}")


def stamp(seconds):
    at = datetime.now(timezone(timedelta(hours=8))) + timedelta(seconds=seconds)
    return at.replace(microsecond=0).isoformat()


def text(path):
    return Path(path).read_text(encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
