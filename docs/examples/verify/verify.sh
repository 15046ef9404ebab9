#!/usr/bin/env bash
# Verifies a webhook call that is signed with HMAC-SHA-256, with openssl. The secret (whsec_…) is in WEBHOOK_KEY, the headers are as
# CGI has them, the body is on the standard input. While it runs the secret is in the list of this machine's processes.
set -euo pipefail

# What a call may be older than your clock, or newer: an old one may be somebody's who has overheard it.
tolerance_seconds=300

refuse() {
  echo refused
  exit 1
}
# Of texts that are compared: how far two hashes agree tells nobody how far the texts do.
hash_of() { printf '%s' "$1" | openssl dgst -sha256 -r; }

id=${HTTP_WEBHOOK_ID-} timestamp=${HTTP_WEBHOOK_TIMESTAMP-} signatures=${HTTP_WEBHOOK_SIGNATURE-}
[[ $WEBHOOK_KEY == whsec_* ]] || { echo 'a secret begins with whsec_' >&2; exit 2; }
[[ $timestamp =~ ^[1-9][0-9]{0,14}$ ]] || refuse
age=$(($(date +%s) - timestamp))
((age <= tolerance_seconds && age >= -tolerance_seconds)) || refuse

key=$(printf '%s' "${WEBHOOK_KEY#whsec_}" | openssl base64 -d -A | od -An -v -tx1 | tr -d ' \n')
# Straight from the pipe: a variable would lose the line feeds at the end.
expected=v1,$({ printf '%s.%s.' "$id" "$timestamp"; cat; } |
  openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary | openssl base64 -A)

# During a rotation there are two, one of each secret.
read -ra given <<<"$signatures"
for one in "${given[@]}"; do
  if [[ $(hash_of "$one") == "$(hash_of "$expected")" ]]; then
    echo genuine
    exit 0
  fi
done
refuse
