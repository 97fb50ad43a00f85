"""Links as consent-milter makes them, by other code: design 8 in Python over
libcrypto, so that consent-web can be asked without any mail, and a change of
the format does not go unseen."""
import base64
import ctypes
import hashlib
import hmac
import time

_ssl = ctypes.CDLL("libcrypto.so.3")
for _name in ("EVP_CIPHER_fetch", "EVP_CIPHER_CTX_new"):
    getattr(_ssl, _name).restype = ctypes.c_void_p

TAG = 16
GET_TAG = 0x10  # EVP_CTRL_AEAD_GET_TAG


def _siv(key, associated, plain):
    """AES-256-SIV (RFC 5297): tag | ciphertext."""
    p = ctypes.c_void_p
    cipher = p(_ssl.EVP_CIPHER_fetch(None, b"AES-256-SIV", None))
    ctx = p(_ssl.EVP_CIPHER_CTX_new())
    out, tag = ctypes.create_string_buffer(len(plain)), \
        ctypes.create_string_buffer(TAG)
    n = ctypes.c_int()
    ok = (_ssl.EVP_EncryptInit_ex2(ctx, cipher, key, None, None) == 1
          and _ssl.EVP_EncryptUpdate(ctx, None, ctypes.byref(n), associated,
                                     len(associated)) == 1
          and _ssl.EVP_EncryptUpdate(ctx, out, ctypes.byref(n), plain,
                                     len(plain)) == 1
          and _ssl.EVP_EncryptFinal_ex(ctx, out, ctypes.byref(n)) == 1
          and _ssl.EVP_CIPHER_CTX_ctrl(ctx, GET_TAG, TAG, tag) == 1)
    _ssl.EVP_CIPHER_CTX_free(ctx)
    _ssl.EVP_CIPHER_free(cipher)
    assert ok
    return tag.raw + out.raw


def _key(world, kind):
    """(id, bytes) of the current key of a kind."""
    last = (world.dir / "keys" / f"{kind}.key").read_text().splitlines()[-1]
    number, text = last.split(" ")[:2]
    return int(number), bytes.fromhex(text)


def contact(world, address):
    """A contact's id; address: canonical."""
    _, key = _key(world, "store")
    return hmac.digest(key, address.encode(), "sha256")[:12]


def token(world, address, purpose="acme/newsletter", kind="header",
          days_ago=0):
    number, key = _key(world, kind)
    day = int(time.time() // 86400) - days_ago
    plain = (contact(world, address)
             + hashlib.sha256(purpose.encode()).digest()[:4]
             + day.to_bytes(2, "big") + b"\x01\x02\x03\x04\x05\x06\x07\x08")
    sealed = bytes([number]) + _siv(key, kind.encode(), plain)
    return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()


def link(world, address, *args, **kw):
    return f"{world.base_url}/u/{token(world, address, *args, **kw)}"


def form(world, place, seconds_ago=5):
    """The hidden field of a form that was opened so long ago that a person
    may have filled it in (web/form_token.h)."""
    number, key = _key(world, "preference")
    made = int((time.time() - seconds_ago) * 1000)
    plain = (made.to_bytes(8, "big") + b"nonce123"
             + hashlib.sha256(place.encode()).digest()[:8])
    sealed = bytes([number]) + _siv(key, b"preference", plain)
    return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()


def none(world, address):
    """{what is wrong: a token for the way out that is none}."""
    good = token(world, address)

    def changed(at, to="AB"):
        return good[:at] + to[good[at] == to[0]] + good[at + 1:]
    return {
        "a bit of the seal": changed(8),
        "a bit of the contact": changed(30),
        "another kind": token(world, address, kind="verp"),
        "a kind for mail": token(world, address, kind="mailed"),
        "a key that we lack": "_w" + good[2:],
        "made up": good[:2] + "m" * (len(good) - 2),
        "too short": good[:-1],
        "too long": good + "A",
        "another alphabet": changed(20, "~~"),
    }
