"""A cloud's own client: wraps and unwraps under a key of a stand-in.

vendor.py CLOUD ENDPOINT FOLDER reads one JSON object from standard input and writes one to standard output. It trusts what
REQUESTS_CA_BUNDLE names.
"""

import base64
import json
import sys


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def google(endpoint, folder, asked):
    import google.auth.transport.requests
    from google.api_core.client_options import ClientOptions
    from google.cloud import kms
    from google.oauth2 import credentials, service_account

    # Logs in at the file's token_uri; by itself the client would sign its calls to KMS with the file's key.
    account = service_account.Credentials.from_service_account_file(
        f"{folder}/account.json", scopes=["https://www.googleapis.com/auth/cloudkms"]
    )
    account.refresh(google.auth.transport.requests.Request())
    client = kms.KeyManagementServiceClient(
        credentials=credentials.Credentials(account.token),
        transport="rest",
        client_options=ClientOptions(api_endpoint=endpoint),
    )
    aad, data = asked["aad"], asked["data"]
    shared = {
        "name": asked["key"],
        "additional_authenticated_data": aad,
        "additional_authenticated_data_crc32c": crc32c(aad),
    }
    if asked["wrap"]:
        done = client.encrypt(request={**shared, "plaintext": data, "plaintext_crc32c": crc32c(data)})
        assert done.verified_plaintext_crc32c and done.verified_additional_authenticated_data_crc32c
        assert done.ciphertext_crc32c == crc32c(done.ciphertext)
        return done.ciphertext, done.name
    done = client.decrypt(request={**shared, "ciphertext": data, "ciphertext_crc32c": crc32c(data)})
    assert done.plaintext_crc32c == crc32c(done.plaintext)
    return done.plaintext, ""


def azure(endpoint, folder, asked):
    from azure.core.credentials import AccessToken
    from azure.keyvault.keys.crypto import CryptographyClient, KeyWrapAlgorithm

    class Token:
        def get_token(self, *scopes, **_):
            assert scopes == ("https://vault.azure.net/.default",), scopes
            return AccessToken(asked["token"], 4102444800)

    # Finds by the answer to a first call for whom its token must be, and is not let see the key itself.
    key = f"{endpoint}/keys/{asked['key']}"
    client = CryptographyClient(key, Token(), verify_challenge_resource=False, api_version="7.4")
    algorithm = KeyWrapAlgorithm(asked["algorithm"])
    if asked["wrap"]:
        # It does not tell the version that the answer names.
        return client.wrap_key(algorithm, asked["data"]).encrypted_key, ""
    return client.unwrap_key(algorithm, asked["data"]).key, ""


def ibm(endpoint, folder, asked):
    from ibm_cloud_sdk_core.authenticators import BearerTokenAuthenticator
    from keyprotect import IbmKeyProtectApiV2

    client = IbmKeyProtectApiV2(authenticator=BearerTokenAuthenticator(asked["token"]))
    client.set_service_url(endpoint)
    field, call = ("plaintext", client.wrap_key) if asked["wrap"] else ("ciphertext", client.unwrap_key)
    body = json.dumps({field: base64.b64encode(asked["data"]).decode(), "aad": asked["names"]})
    name = "key_action_wrap_body" if asked["wrap"] else "key_action_unwrap_body"
    done = call(asked["key"], asked["instance"], **{name: body}).get_result()
    result = done["ciphertext"] if asked["wrap"] else done["plaintext"]
    return base64.b64decode(result), done["keyVersion"]["id"]


def main():
    cloud, endpoint, folder = sys.argv[1:]
    asked = json.load(sys.stdin)
    for name in ("data", "aad"):
        asked[name] = base64.b64decode(asked.get(name, ""))
    data, version = {"google": google, "azure": azure, "ibm": ibm}[cloud](endpoint, folder, asked)
    json.dump({"data": base64.b64encode(data).decode(), "version": version}, sys.stdout)


main()
