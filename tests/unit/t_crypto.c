/* crypto: published vectors, and what a sealed text must not allow. */
#include <pthread.h>
#include <string.h>

#include "lib/crypto.h"
#include "lib/enc.h"

#include "tests/unit/test.h"

static void assert_hex(const void *bytes, size_t n, const char *want)
{
	char got[129];

	assert_true(CM_HEX_LEN(n) < sizeof(got));
	cm_hex_encode(bytes, n, got);
	assert_string_equal(got, want);
}

/* FIPS 180-4 examples. */
static void sha_256_of_the_standard(void **state)
{
	const struct cm_span parts[] = {
		{"a", 1}, {NULL, 0}, {"b", 1}, {"c", 1}};
	static const char abc[] = "ba7816bf8f01cfea414140de5dae2223"
				  "b00361a396177a9cb410ff61f20015ad";
	struct cm_hasher *hasher = NULL;
	uint8_t out[CM_SHA256_LEN];
	int i;

	(void)state;
	assert_int_equal(cm_sha256("", 0, out), CM_OK);
	assert_hex(out, sizeof(out),
		   "e3b0c44298fc1c149afbf4c8996fb924"
		   "27ae41e4649b934ca495991b7852b855");
	assert_int_equal(cm_sha256("abc", 3, out), CM_OK);
	assert_hex(out, sizeof(out), abc);
	assert_int_equal(cm_sha256_parts(parts, 4, out), CM_OK);
	assert_hex(out, sizeof(out), abc);
	assert_int_equal(cm_hasher_new(&hasher, NULL), CM_OK);
	for (i = 0; i < 3; i++) {
		memset(out, 0, sizeof(out));
		assert_int_equal(cm_hasher_sum(hasher, parts, 4, out), CM_OK);
		assert_hex(out, sizeof(out), abc);
	}
	cm_hasher_free(&hasher);
	assert_null(hasher);
}

/* RFC 4231, sections 4.2 to 4.8 (4.6 is of truncation). */
static void hmac_of_rfc_4231(void **state)
{
	static const struct {
		const char *key, *data, *want; /* key and data in hex */
		size_t key_fill, data_fill;    /* or so many times that */
	} cases[] = {
		{"0b", "4869205468657265",
		 "b0344c61d8db38535ca8afceaf0bf12b"
		 "881dc200c9833da726e9376c2e32cff7",
		 20, 1},
		{"4a656665",
		 "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
		 "5bdcc146bf60754e6a042426089575c7"
		 "5a003f089d2739839dec58b964ec3843",
		 1, 1},
		{"aa", "dd",
		 "773ea91e36800e46854db8ebd09181a7"
		 "2959098b3ef8c122d9635514ced565fe",
		 20, 50},
		{"0102030405060708090a0b0c0d0e0f10111213141516171819", "cd",
		 "82558a389a443c0ea4cc819899f2083a"
		 "85f0faa3e578f8077a2e3ff46729665b",
		 1, 50},
		{"aa",
		 "54657374205573696e67204c6172676572205468616e20426c6f636b2d53"
		 "697a65204b6579202d2048617368204b6579204669727374",
		 "60e431591ee0b67f0d8a26aacbf5b77f"
		 "8e0bc6213728c5140546040f0ee37f54",
		 131, 1},
	};
	size_t i, j;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t key[256], data[256], out[CM_SHA256_LEN];
		struct cm_span parts[256];
		struct cm_hmac *hmac = NULL;
		size_t key_n, data_n;

		assert_int_equal(cm_hex_decode(cm_span(cases[i].key), key,
					       sizeof(key), &key_n),
				 CM_OK);
		assert_int_equal(cm_hex_decode(cm_span(cases[i].data), data,
					       sizeof(data), &data_n),
				 CM_OK);
		for (j = 1; j < cases[i].key_fill; j++)
			memcpy(key + j * key_n, key, key_n);
		for (j = 0; j < cases[i].data_fill; j++)
			parts[j] = cm_span_n((char *)data, data_n);
		assert_int_equal(cm_hmac_new(key, key_n * cases[i].key_fill,
					     &hmac, NULL),
				 CM_OK);
		for (j = 0; j < 3; j++) { /* the key stays set */
			assert_int_equal(
				cm_hmac(hmac, parts, cases[i].data_fill, out),
				CM_OK);
			assert_hex(out, sizeof(out), cases[i].want);
		}
		cm_hmac_free(&hmac);
	}
}

static void an_empty_hmac_key_is_refused(void **state)
{
	struct cm_hmac *hmac = NULL;
	struct cm_error err;

	(void)state;
	assert_int_equal(cm_hmac_new("", 0, &hmac, &err), CM_ECRYPTO);
	assert_null(hmac);
}

/* Key octets 0 to 62, and the last. */
static struct cm_siv *new_siv(const char *associated, uint8_t last)
{
	uint8_t key[CM_SIV_KEY_LEN];
	struct cm_siv *siv = NULL;
	size_t i;

	for (i = 0; i < CM_SIV_KEY_LEN; i++)
		key[i] = (uint8_t)i;
	key[CM_SIV_KEY_LEN - 1] = last;
	assert_int_equal(cm_siv_new(key, cm_span(associated), &siv, NULL),
			 CM_OK);
	return siv;
}

/*
 * RFC 5297 has no vector for 256-bit halves; these come from its section 2
 * written out in Python over `openssl enc -aes-256-ecb`, one for each branch
 * of S2V (plain shorter than a block, and not).
 */
static void siv_of_rfc_5297(void **state)
{
	static const struct {
		const char *plain, *sealed;
	} cases[] = {
		{"abcdefghijklmnopqr", "bec1f9ef2dd344bd8366e34ff4a0788a"
				       "79976049574767db813f229f664a7f845760"},
		{"short", "a4cb6cd1dd0ab38dd75c71be54a582be3854a6beda"},
	};
	struct cm_siv *siv = new_siv("header", 63);
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cm_span plain = cm_span(cases[i].plain);
		struct cm_span sealed;
		uint8_t out[64];
		char back[64];

		assert_int_equal(cm_siv_seal(siv, plain, out), CM_OK);
		sealed = cm_span_n((char *)out, plain.n + CM_SIV_TAG_LEN);
		assert_hex(out, sealed.n, cases[i].sealed);
		assert_int_equal(cm_siv_open(siv, sealed, (uint8_t *)back),
				 CM_OK);
		assert_memory_equal(back, plain.p, plain.n);
	}
	cm_siv_free(&siv);
	assert_null(siv);
}

static void siv_refuses_every_change(void **state)
{
	static const struct {
		const char *associated;
		uint8_t last; /* octet of the key */
		int rc;
	} others[] = {
		{"footer", 63, CM_EDATA},
		{"", 63, CM_EDATA},
		{"header", 62, CM_EDATA},
		{"header", 63, CM_OK},
	};
	struct cm_siv *siv = new_siv("header", 63);
	uint8_t out[34], plain[18];
	struct cm_span sealed = {(char *)out, sizeof(out)};
	size_t bit, n;

	(void)state;
	assert_int_equal(cm_siv_seal(siv, cm_span("abcdefghijklmnopqr"), out),
			 CM_OK);
	for (bit = 0; bit < sizeof(out) * 8; bit++) {
		out[bit / 8] ^= (uint8_t)(1U << bit % 8);
		memset(plain, 'x', sizeof(plain));
		assert_int_equal(cm_siv_open(siv, sealed, plain), CM_EDATA);
		/* Nothing of what did not verify is handed out. */
		assert_memory_equal(plain,
				    "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 18);
		out[bit / 8] ^= (uint8_t)(1U << bit % 8);
	}
	for (n = 0; n < sizeof(out); n++)
		assert_int_equal(
			cm_siv_open(siv, cm_span_n(sealed.p, n), plain),
			CM_EDATA);
	cm_siv_free(&siv);
	for (n = 0; n < sizeof(others) / sizeof(others[0]); n++) {
		siv = new_siv(others[n].associated, others[n].last);
		assert_int_equal(cm_siv_open(siv, sealed, plain), others[n].rc);
		cm_siv_free(&siv);
	}
	assert_memory_equal(plain, "abcdefghijklmnopqr", 18);
}

enum { SIV_THREADS = 4, SIV_TIMES = 2000 };

static void *seal_and_open(void *ctx)
{
	const struct cm_siv *siv = ctx;
	uint8_t out[34], plain[18];
	uintptr_t bad = 0;
	int i;

	for (i = 0; i < SIV_TIMES; i++)
		if (cm_siv_seal(siv, cm_span("abcdefghijklmnopqr"), out) !=
			    CM_OK ||
		    cm_siv_open(siv, cm_span_n((char *)out, sizeof(out)),
				plain) != CM_OK ||
		    out[0] != 0xbe)
			bad++;
	return (void *)bad;
}

static void threads_may_share_a_siv(void **state)
{
	struct cm_siv *siv = new_siv("header", 63);
	pthread_t threads[SIV_THREADS];
	int i;

	(void)state;
	for (i = 0; i < SIV_THREADS; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, seal_and_open, siv),
			0);
	for (i = 0; i < SIV_THREADS; i++) {
		void *bad = NULL;

		assert_int_equal(pthread_join(threads[i], &bad), 0);
		assert_null(bad);
	}
	cm_siv_free(&siv);
}

static void equal_and_random(void **state)
{
	uint8_t a[32] = {0}, b[32] = {0};

	(void)state;
	assert_true(cm_equal_ct(a, b, sizeof(a)));
	b[31] = 1;
	assert_false(cm_equal_ct(a, b, sizeof(a)));
	assert_true(cm_equal_ct(a, b, 31));
	assert_int_equal(cm_random(a, sizeof(a), NULL), CM_OK);
	assert_int_equal(cm_random(b, sizeof(b), NULL), CM_OK);
	assert_false(cm_equal_ct(a, b, sizeof(a)));
	cm_wipe(a, sizeof(a));
	memset(b, 0, sizeof(b));
	assert_true(cm_equal_ct(a, b, sizeof(a)));
}

static void bytes_of(const char *hex, void *out, size_t n)
{
	size_t got = 0;

	assert_int_equal(cm_hex_decode(cm_span(hex), out, n, &got), CM_OK);
	assert_int_equal(got, n);
}

/* RFC 8032, 7.1: TEST 1 and TEST 2. */
static void ed25519_of_rfc_8032(void **state)
{
	static const struct {
		const char *seed, *public_key, *text, *sig;
	} cases[] = {
		{"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae"
		 "7f60",
		 "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707"
		 "511a",
		 "",
		 "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e0652249"
		 "01555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe2465514143"
		 "8e7a100b"},
		{"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8"
		 "a6fb",
		 "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4"
		 "660c",
		 "r",
		 "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb"
		 "69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d2916"
		 "12bb0c00"},
	};
	uint8_t seed[CM_ED25519_SEED_LEN], want[CM_ED25519_SIG_LEN];
	uint8_t public_key[CM_ED25519_PUBLIC_LEN], sig[CM_ED25519_SIG_LEN];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cm_span text = cm_span(cases[i].text);

		bytes_of(cases[i].seed, seed, sizeof(seed));
		bytes_of(cases[i].public_key, want, sizeof(public_key));
		assert_int_equal(cm_ed25519_public(seed, public_key, NULL),
				 CM_OK);
		assert_memory_equal(public_key, want, sizeof(public_key));
		bytes_of(cases[i].sig, want, sizeof(want));
		assert_int_equal(cm_ed25519_sign(seed, text, sig, NULL), CM_OK);
		assert_memory_equal(sig, want, sizeof(want));
		assert_int_equal(cm_ed25519_verify(public_key, text, sig),
				 CM_OK);
		sig[i] ^= 1;
		assert_int_equal(cm_ed25519_verify(public_key, text, sig),
				 CM_EDATA);
		sig[i] ^= 1;
		assert_int_equal(
			cm_ed25519_verify(public_key, cm_span("s"), sig),
			CM_EDATA);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sha_256_of_the_standard),
		cmocka_unit_test(hmac_of_rfc_4231),
		cmocka_unit_test(an_empty_hmac_key_is_refused),
		cmocka_unit_test(siv_of_rfc_5297),
		cmocka_unit_test(siv_refuses_every_change),
		cmocka_unit_test(threads_may_share_a_siv),
		cmocka_unit_test(equal_and_random),
		cmocka_unit_test(ed25519_of_rfc_8032),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
