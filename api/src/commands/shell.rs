//! Lines for a second shell that walk through the main job with curl and sed.

use licentia_domain::demo::Demo;
use secrecy::ExposeSecret;

/// Who is where, and the lines.
pub(super) fn walk(demo: &Demo) -> String {
    let Demo { issuer, license_key, admin_api_key, .. } = demo;
    let admin_key = admin_api_key.expose_secret();
    format!(
        r#"
  Admin API key  {admin_key}
  Licence key    {license_key}
  API, to try    {issuer}/docs/

In a second shell, one after the other:

# the values of this demo
export LICENTIA='{issuer}' LICENSE_KEY='{license_key}' ADMIN_KEY='{admin_key}'

# activate this machine, and keep the answer
ANSWER=$({CURL} "$LICENTIA/api/v1/license-activations/activate" -d "{{\"licenseKey\":\"$LICENSE_KEY\",\"fingerprint\":\"{FINGERPRINT}\"}}"); echo "$ANSWER"

# validate the token of the answer
TOKEN=$(echo "$ANSWER" | {token}); {CURL} "$LICENTIA/api/v1/license-keys/validate" -d "{{\"token\":\"$TOKEN\"}}"; echo

# heartbeat, with the activation and the nonce of the answer
ID=$(echo "$ANSWER" | {id}); NONCE=$(echo "$ANSWER" | {nonce}); {CURL} "$LICENTIA/api/v1/license-keys/heartbeat" -d "{{\"activationId\":\"$ID\",\"fingerprint\":\"{FINGERPRINT}\",\"nonce\":\"$NONCE\"}}"; echo

# see the licence as its vendor does
curl -sS "$LICENTIA/api/v1/license-keys" -H "Authorization: Bearer $ADMIN_KEY"; echo

"#,
        token = member("token", ""),
        id = member("id", "act_"),
        nonce = member("nonce", ""),
    )
}

const CURL: &str = "curl -sS -H 'Content-Type: application/json'";
const FINGERPRINT: &str = "my-machine";

/// A sed that prints the text member `name` that begins with `start`, of compact JSON in one line.
fn member(name: &str, start: &str) -> String {
    format!(r#"sed -n 's/.*"{name}":"\({start}[^"]*\)".*/\1/p'"#)
}
