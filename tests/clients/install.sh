#!/usr/bin/env bash
# Installs the clients that the sandbox is held against, in the versions and with the hashes that stand
# beside this. May be run again at any time; does nothing where they are there.
set -euo pipefail
cd "$(dirname "$0")"
. ../../.ci/tools.sh

for tool in python3 node npm; do
    if ! command -v "$tool" >/dev/null; then
        echo "clients: $tool is missing; .ci/install.sh brings it" >&2
        exit 1
    fi
done

clients=$PARKGATE_TOOLS/clients
wanted=$(cat requirements.txt package-lock.json install.sh | sha256sum)
if [[ -e $clients/installed && $(<"$clients/installed") == "$wanted" ]]; then
    exit 0
fi
echo "clients: wechatpayv3 and wechatpay-axios-plugin into $clients"
rm -rf "$clients"
mkdir -p "$clients"
python3 -m venv "$clients/python"
"$clients/python/bin/pip" install --quiet --disable-pip-version-check --require-hashes --only-binary :all: \
    -r requirements.txt
cp package.json package-lock.json "$clients/"
# No script of a package runs.
npm ci --prefix "$clients" --ignore-scripts --no-audit --no-fund --loglevel=error
printf '%s\n' "$wanted" >"$clients/installed"
