"""What wechatpayv3 does in a second of processor time of each: sign, verify, decrypt. `sdk.py inputs.json` prints three numbers."""

import json
import sys
import time
from pathlib import Path

from wechatpayv3 import utils

BATCH = 64

inputs = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
private = utils.load_private_key(inputs["private_key"])
public = utils.load_public_key(inputs["public_key"])
sealed = inputs["sealed"]


def sign():
    return utils.rsa_sign(private, inputs["message"])


def verify():
    return utils.rsa_verify(inputs["timestamp"], inputs["nonce"], inputs["answer"], inputs["signature"], public)


def decrypt():
    return utils.aes_decrypt(sealed["nonce"], sealed["ciphertext"], sealed["associated_data"], inputs["api_v3_key"])


def per_second(operation):
    done = 0
    began = time.process_time()
    while time.process_time() - began < inputs["seconds"]:
        for _ in range(BATCH):
            if not operation():
                sys.exit(f"{operation.__name__} failed")
        done += BATCH
    return done / (time.process_time() - began)


print(json.dumps([per_second(sign), per_second(verify), per_second(decrypt)]))
