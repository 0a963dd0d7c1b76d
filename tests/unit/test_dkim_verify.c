/* policy/dkim/verify.c and what it stands on: each duty that libopendkim leaves to its caller, each
 * cap passed by one, and messages made to break the library. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>

#include "tests/unit/dkim_custom.h"

/* Made for these tests: too short for anything. */
#define RSA_512                                                          \
    "-----BEGIN RSA PRIVATE KEY-----\n"                                  \
    "MIIBOQIBAAJBAN/U0/YhkP9FaGJhubcOyNf2TSflR4dySCHuMFVZIrYwcXQNHgnT\n" \
    "xS1dKwTJXDKT+Pls2Upw70MEpCKV0RS+BasCAwEAAQJABhmMtTZw9yPzFktHfl+e\n" \
    "xZPmwmGTM3O/13zgQFMviPt36r3Q1I3Nxo4KUfNE4+UCNWa8OFrQaFOM8kUSYJUy\n" \
    "cQIhAP0yCkIuMEePg+MecKM3d6+tKoj8LBSvxSRbMppY5jWfAiEA4k+F7ibxazfR\n" \
    "s7DMIbyhSc/+bRqE9aVQhGQyGYrh/HUCIDDDiHJCjw3ZOB9v52Wn8yckhMKpPpwl\n" \
    "ViSwY8iSQpQlAiBBqJzM2ZOVbd5zacnvx9Brn+LLOLR2qH3Ry1gVvQuPuQIgMfVS\n" \
    "Q8IilFtCmWHHIuLNN3nAFejXseEMd2Oy8w5d8xU=\n"                         \
    "-----END RSA PRIVATE KEY-----\n"
#define RSA_512_P                                                                                  \
    "MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAN/U0/YhkP9FaGJhubcOyNf2TSflR4dySCHuMFVZIrYwcXQNHgnTxS1dKwTJ" \
    "XDKT+Pls2Upw70MEpCKV0RS+BasCAwEAAQ=="
/* One bit less than RFC 8301 asks for, in as many octets. */
#define RSA_1023                                                         \
    "-----BEGIN RSA PRIVATE KEY-----\n"                                  \
    "MIICWwIBAAKBgE8ly9mfg/CP/gXG5GrKT/2XBerRJu+L7mlo0+KHv21bWb73tVmV\n" \
    "XOvk0a75s+WTfXXfCRPpj5nCNjC7i843rzHq7d5Ta7ehgZdB7Tk5RHcwMj05xbfM\n" \
    "b+1p+4xyZ70mDUV9ynfFbiQaHkLiZm/AoVfFKKjhfTKpRlW9Nrqlro7fAgMBAAEC\n" \
    "gYAiFtJlChpmy24KiO6qvDaVr61hxPGzLR7jkb3pDLS7YiQWZ1RZoEZkZ6qUZYJB\n" \
    "ODRKR2T+iZNLE2YJuU1u5Xb0Uc4fBvSi4IrLL9CtEB5iofsj5PhPsTPeQyPO4v/m\n" \
    "hgbGn99McWc+T2URw4XnPzh3ntMLq5rnr3BoJC8+hOL38QJBANMMQcAYTJrDuk82\n" \
    "vX6eBYq5HhdQgujmSvfDKpxAcbTJvZuDe7QdmUJXfTSV5Q2kKXg7lNpgWQd/bIwn\n" \
    "ZkGYFJcCQGABdJ/YNnV422RHvSOUCRLcQnVpw6BY0bcn1JVdN1hwNaDVbLhydIbK\n" \
    "/z7mVBLPHoIVn2rhEk/oRY6yfVZ6uPkCQQCc4sml0OpxSfqflCO9kh6whvg1gKYw\n" \
    "F7G3CKAOU2GzcRzAFDfLJw2c4YizpJIHV/dz52a6B1FnX3QDo+5B6Jm1AkAth+Mw\n" \
    "f5DsS2H5ABDSU72t5Snbl0pAvH7RFyG5qJi755N3cGB8ZUOgPZup0ABlXzb/yJNv\n" \
    "U8ikfuqmDz5kChW5AkEA0RrsHEI9eSMtVwrgXTNZApeTjt9npeiyGrRl2zfK/Q5g\n" \
    "Yzv0CqPsE+OGMKZ4TFFxbWsguk57j5R1yow/g6Rv2w==\n"                     \
    "-----END RSA PRIVATE KEY-----\n"
#define RSA_1023_P                                                                                 \
    "MIGeMA0GCSqGSIb3DQEBAQUAA4GMADCBiAKBgE8ly9mfg/CP/gXG5GrKT/2XBerRJu+L7mlo0+KHv21bWb73tVmVXOvk" \
    "0a75s+WTfXXfCRPpj5nCNjC7i843rzHq7d5Ta7ehgZdB7Tk5RHcwMj05xbfMb+1p+4xyZ70mDUV9ynfFbiQaHkLiZm/A" \
    "oVfFKKjhfTKpRlW9Nrqlro7fAgMBAAE="
#define RSA_P                                                                                      \
    "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J1" \
    "6JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2" \
    "EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB"
#define ED_P "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="

#define X10(text) text text text text text text text text text text

#define KEY(selector, text) selector "._domainkey.example.org. IN TXT \"" text "\"\n"

/* Strings of a TXT record are shorter than 256 octets. */
#define PART "\" \""
#define NOTE X10("0123456789") X10("0123456789")

/* One selector for each kind of record. */
static const char zone[] = KEY("one", "v=DKIM1; k=rsa; p=" RSA_P) KEY(
    "ed", "v=DKIM1; k=ed25519; p=" ED_P) KEY("plain", "p=" RSA_P) KEY("short",
                                                                      "v=DKIM1; p=" RSA_512_P)
    KEY("revoked", "v=DKIM1; k=rsa; p=") KEY("testing", "v=DKIM1; t=y; p=" RSA_P) KEY(
        "strict", "v=DKIM1; t=s:y; p=" RSA_P) KEY("sha1", "v=DKIM1; h=sha1; p=" RSA_P)
        KEY("both", "v=DKIM1; h=sha1 : sha256; s=* ; p=" RSA_P) KEY(
            "web", "v=DKIM1; s=web; p=" RSA_P) KEY("mail", "v=DKIM1; s=web:email; n=note; p=" RSA_P)
            KEY("twice", "v=DKIM1; p=" RSA_P PART "; p=" RSA_P) KEY("version", "v=DKIM2; p=" RSA_P)
                KEY("second", "p=" RSA_P "; v=DKIM1") KEY("unrelated", "v=spf1 -all") KEY(
                    "almost", "v=DKIM1; p=" RSA_1023_P) KEY("nop", "v=DKIM1; k=rsa")
                    KEY("garbage", "v=DKIM1; p=AAAA") KEY("notbase64", "v=DKIM1; p=%%%%") KEY(
                        "edshort", "v=DKIM1; k=ed25519; p=AAAA") KEY("future",
                                                                     "v=DKIM1; k=quantum; p=AAAA")
                        KEY("long", "v=DKIM1; n=" PART NOTE PART NOTE PART NOTE PART NOTE PART
                                    "; p=" RSA_P) KEY("several", "v=spf1 -all")
                            KEY("several", "v=DKIM1; k=ed25519; p=" ED_P) KEY(
                                "several", "v=DKIM1; p=" RSA_512_P) KEY("several", "v=DKIM1; t=y; "
                                                                                   "p=" RSA_P)
                                KEY("wrong",
                                    "v=DKIM1; p=" RSA_512_P) "empty._domainkey.example.org. IN A "
                                                             "192.0.2.1\n"
                                                             "$FAULT "
                                                             "servfail._domainkey.example.org. "
                                                             "TXT SERVFAIL\n"
                                                             "$FAULT "
                                                             "timeout._domainkey.example.org. "
                                                             "TXT TIMEOUT\n"
                                                             "$FAULT bogus._domainkey.example.org. "
                                                             "TXT "
                                                             "BOGUS\n";

#define HEADER                      \
    "From: One <one@example.org>\n" \
    "To: two@example.net\n"         \
    "Subject: A  test\n"            \
    "Date: Thu, 1 Jan 2026 00:00:00 +0000\n"
#define BODY "One  line \r\n\r\nand another.\r\n"

#define SIG(selector, more)                                                       \
    " v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=" selector "; " more \
    " h=from:to:subject; bh=BH; b="
#define ED(selector)                                                        \
    " v=1; a=ed25519-sha256; c=relaxed/relaxed; d=example.org; s=" selector \
    "; h=from:to:subject; bh=BH; b="

struct row {
    const char *name;
    const char *tags;
    enum dkim_result want;
    /* NULL: none wanted. */
    const char *reason;
    unsigned flags;
    /* NULL: RFC8463_RSA, HEADER, BODY. */
    const char *pem;
    const char *header;
    const char *body;
    /* Put on top of the header, and behind the body, after signing. */
    const char *added;
    const char *appended;
    int64_t now_s;
};

static const struct row rows[] = {
    {.name = "good", SIG("one", ""), DKIM_RESULT_PASS},
    {.name = "good, Ed25519", ED("ed"), DKIM_RESULT_PASS, .pem = RFC8463_ED25519},
    {.name = "good, simple",
     " v=1; a=rsa-sha256; d=example.org; s=one;\n\th=from:to:subject; bh=BH; b=",
     DKIM_RESULT_PASS},
    {.name = "good, relaxed header alone",
     " v=1; a=rsa-sha256; c=relaxed; d=example.org; s=one;"
     " h=from; bh=BH; b=",
     DKIM_RESULT_PASS},
    {.name = "good, Ed25519, simple",
     " v=1; a=ed25519-sha256; c=simple/simple; d=example.org; s=ed; h=from; bh=BH; b=",
     DKIM_RESULT_PASS,
     .pem = RFC8463_ED25519},
    {.name = "key without v= and k=", SIG("plain", ""), DKIM_RESULT_PASS},
    {.name = "upper case",
     " v=1; a=RSA-SHA256; c=Relaxed/RELAXED; d=Example.ORG; s=One; h=FROM:To; bh=BH;"
     " b=",
     DKIM_RESULT_PASS},
    {.name = "no signature", NULL, DKIM_RESULT_NONE},
    {.name = "empty body", SIG("one", ""), DKIM_RESULT_PASS, .body = ""},
    {.name = "no CRLF at the end", SIG("one", ""), DKIM_RESULT_PASS, .body = "a \r\nb "},
    {.name = "no CRLF at the end, simple",
     " v=1; a=rsa-sha256; d=example.org; s=one; h=from; bh=BH; b=",
     DKIM_RESULT_PASS,
     .body = "a \r\nb "},
    {.name = "a CR at the end", SIG("one", ""), DKIM_RESULT_PASS, .body = "a\r"},
    {.name = "oversigned",
     " v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=one;"
     " h=from:from:to:to:cc:subject:subject; bh=BH; b=",
     DKIM_RESULT_PASS},
    {.name = "8 bit",
     SIG("one", ""),
     DKIM_RESULT_PASS,
     .header = "From: \xc3\xa4@example.org\nTo: \xff\n"},
    {.name = "a From that nobody can parse",
     SIG("one", ""),
     DKIM_RESULT_PASS,
     .header = "From: nobody\n"},
    {.name = "an empty From", SIG("one", ""), DKIM_RESULT_PASS, .header = "From:\n"},

    {.name = "the body was changed",
     SIG("one", ""),
     DKIM_RESULT_FAIL,
     "the body hash does not fit the body",
     .appended = "x\r\n"},
    {.name = "the body got empty lines", SIG("one", ""), DKIM_RESULT_PASS, .appended = "\r\n \r\n"},
    {.name = "the signature is another's",
     SIG("one", ""),
     DKIM_RESULT_FAIL,
     "the signature does not fit the header",
     .pem = RSA_512},
    {.name = "the key is another's",
     SIG("wrong", ""),
     DKIM_RESULT_FAIL,
     "the signature does not fit the header"},
    {.name = "a field was oversigned and added",
     SIG("one", ""),
     DKIM_RESULT_PASS,
     .added = "X-Other: x\n"},
    {.name = "Cc was oversigned and added",
     " v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=one; h=from:cc; bh=BH; b=",
     DKIM_RESULT_FAIL,
     "the signature does not fit the header",
     .added = "Cc: x\n"},
    {.name = "Subject was added",
     SIG("one", ""),
     DKIM_RESULT_POLICY,
     "a Subject field was added",
     .added = "Subject: x\n"},

    {.name = "a=rsa-sha1",
     " v=1; a=rsa-sha1; d=example.org; s=one; h=from; bh=BH; b=",
     DKIM_RESULT_POLICY,
     "rsa-sha1 is not accepted"},
    {.name = "a= unknown",
     " v=1; a=rsa-sha512; d=example.org; s=one; h=from; bh=BH; b=",
     DKIM_RESULT_PERMERROR,
     "a= is no algorithm of DKIM"},
    {.name = "RSA of 512 bits",
     SIG("short", ""),
     DKIM_RESULT_POLICY,
     "the RSA key is shorter than 1024 bits",
     .pem = RSA_512},
    {.name = "RSA of 1,023 bits",
     SIG("almost", ""),
     DKIM_RESULT_POLICY,
     "the RSA key is shorter than 1024 bits",
     .pem = RSA_1023},
    {.name = "v= missing",
     " a=rsa-sha256; d=example.org; s=one; h=from; bh=BH; b=",
     DKIM_RESULT_PERMERROR,
     "v= is missing"},
    {.name = "v=2",
     " v=2; a=rsa-sha256; d=example.org; s=one; h=from; bh=BH; b=",
     DKIM_RESULT_PERMERROR,
     "v= is not 1"},
    {.name = "bh= missing",
     " v=1; a=rsa-sha256; d=example.org; s=one; h=from; b=",
     DKIM_RESULT_PERMERROR,
     "bh= is missing"},
    {.name = "bh= of another length",
     " v=1; a=rsa-sha256; d=example.org; s=one; h=from; bh=AAAA; b=",
     DKIM_RESULT_PERMERROR,
     "bh= is not a hash"},
    {.name = "d= is no name",
     " v=1; a=rsa-sha256; d=a..b; s=one; h=from; bh=BH; b=",
     DKIM_RESULT_PERMERROR,
     "d= is not a domain name"},
    {.name = "d= with a slash",
     " v=1; a=rsa-sha256; d=a/b.org; s=one; h=from; bh=BH; b=",
     DKIM_RESULT_PERMERROR,
     "d= is not a domain name"},
    {.name = "s= is no selector",
     " v=1; a=rsa-sha256; d=example.org; s=a\\b; h=from; bh=BH; b=",
     DKIM_RESULT_PERMERROR,
     "s= is not a selector"},
    {.name = "s= too long",
     " v=1; a=rsa-sha256; d=example.org; s=" X10("0123456789") "; h=from; bh=BH; b=",
     DKIM_RESULT_PERMERROR,
     "s= and d= make no domain name"},
    {.name = "c= unknown",
     " v=1; a=rsa-sha256; c=nofws; d=example.org; s=one; h=from; bh=BH; b=",
     DKIM_RESULT_PERMERROR,
     "c= is no canonicalization of DKIM"},
    {.name = "c= of three",
     SIG("one", "c=simple/simple/simple;"),
     DKIM_RESULT_PERMERROR,
     "a tag is given twice"},
    {.name = "h= without From",
     " v=1; a=rsa-sha256; d=example.org; s=one; h=to:subject; bh=BH; b=",
     DKIM_RESULT_PERMERROR,
     "h= does not name From"},
    {.name = "h= with a hole",
     " v=1; a=rsa-sha256; d=example.org; s=one; h=from::to; bh=BH; b=",
     DKIM_RESULT_PERMERROR,
     "h= is malformed"},
    {.name = "h= of 200 names",
     " v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=one; h=from" X10(":a:b:c:d:e:f:g:h:i")
         X10(":a:b:c:d:e:f:g:h:i") ":a:b:c:d:e:f:g:h:i:j:k:l:m:n:o:p:q:r:s; bh=BH; b=",
     DKIM_RESULT_PASS},
    {.name = "h= of 201 names",
     " v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=one; h=from" X10(":a:b:c:d:e:f:g:h:i")
         X10(":a:b:c:d:e:f:g:h:i") ":a:b:c:d:e:f:g:h:i:j:k:l:m:n:o:p:q:r:s:t; bh=BH; b=",
     DKIM_RESULT_POLICY,
     "h= names too many fields"},
    {.name = "h= over 4,000 octets",
     " v=1; a=rsa-sha256; d=example.org; s=one; h=from" X10(":" X10(X10("0123"))) "; bh=BH; b=",
     DKIM_RESULT_POLICY,
     "h= is too long"},
    {.name = "i= within d=", SIG("one", "i=@mail.example.org;"), DKIM_RESULT_PASS},
    {.name = "i= elsewhere",
     SIG("one", "i=@example.net;"),
     DKIM_RESULT_PERMERROR,
     "i= is not within d="},
    {.name = "i= without @", SIG("one", "i=example.org;"), DKIM_RESULT_PERMERROR, "i= has no @"},
    {.name = "q=dns/txt", SIG("one", "q=dns/txt;"), DKIM_RESULT_PASS},
    {.name = "q= with others", SIG("one", "q=x-fish : dns/txt;"), DKIM_RESULT_PASS},
    {.name = "q= unknown", SIG("one", "q=x-fish;"), DKIM_RESULT_PERMERROR, "q= has no dns/txt"},
    {.name = "q=dns alone", SIG("one", "q=dns;"), DKIM_RESULT_PERMERROR, "q= has no dns/txt"},
    {.name = "a tag twice",
     SIG("one", "d=example.org;"),
     DKIM_RESULT_PERMERROR,
     "a tag is given twice"},
    {.name = "a tag twice, in another case",
     SIG("one", "D=example.org;"),
     DKIM_RESULT_PERMERROR,
     "a tag is given twice"},
    {.name = "an unknown tag", SIG("one", "x_y1=z=w;"), DKIM_RESULT_PASS},
    {.name = "a tag without a value", SIG("one", "zz=;"), DKIM_RESULT_PASS},
    {.name = "an empty tag", SIG("one", ";"), DKIM_RESULT_PERMERROR, "malformed tag list"},
    {.name = "a tag without =", SIG("one", "zz;"), DKIM_RESULT_PERMERROR, "malformed tag list"},
    {.name = "a control character",
     SIG("one", "zz=\001;"),
     DKIM_RESULT_PERMERROR,
     "malformed tag list"},
    {.name = "not ASCII",
     SIG("one", "zz=\xc3\xa4;"),
     DKIM_RESULT_NEUTRAL,
     "octets that are not ASCII"},
    {.name = "another tag that ends in b",
     SIG("one", "xb=1;"),
     DKIM_RESULT_NEUTRAL,
     "a form of b= that cannot be processed"},

    {.name = "expired",
     SIG("one", "t=1767000000; x=1767225299;"),
     DKIM_RESULT_POLICY,
     "the signature has expired"},
    {.name = "expired within the grace",
     SIG("one", "t=1767000000; x=1767225300;"),
     DKIM_RESULT_PASS},
    {.name = "x= before t=",
     SIG("one", "t=1767225600; x=1767225600;"),
     DKIM_RESULT_PERMERROR,
     "x= is not after t="},
    {.name = "signed in the future",
     SIG("one", "t=1767225901;"),
     DKIM_RESULT_POLICY,
     "t= is in the future"},
    {.name = "signed in the near future", SIG("one", "t=1767225900;"), DKIM_RESULT_PASS},
    {.name = "t= is no number", SIG("one", "t=soon;"), DKIM_RESULT_PERMERROR, "t= is not a time"},
    {.name = "x= is no number", SIG("one", "x=-1;"), DKIM_RESULT_PERMERROR, "x= is not a time"},
    {.name = "t= before DKIM",
     SIG("one", "t=999999999;"),
     DKIM_RESULT_PERMERROR,
     "t= is older than DKIM"},
    {.name = "the clock of 2010",
     SIG("one", "t=1262300000; x=1262400000;"),
     DKIM_RESULT_PASS,
     .now_s = 1262304000},
    {.name = "the clock of 2040",
     SIG("one", "t=2208980000; x=2208990000;"),
     DKIM_RESULT_PASS,
     .now_s = 2208988800},

    {.name = "l= of the whole body",
     " v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=one; l=26;"
     " h=from; bh=BH; b=",
     DKIM_RESULT_PASS,
     .flags = DKIM_FLAG_BODY_LENGTH},
    {.name = "l= and more body",
     " v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=one; l=26;"
     " h=from; bh=BH; b=",
     DKIM_RESULT_PASS,
     "the body is longer than l=",
     DKIM_FLAG_BODY_LENGTH | DKIM_FLAG_PARTIAL_BODY,
     .appended = "more\r\n"},
    {.name = "l= and empty lines",
     " v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=one; l=26;"
     " h=from; bh=BH; b=",
     DKIM_RESULT_PASS,
     .flags = DKIM_FLAG_BODY_LENGTH,
     .appended = "\r\n"},
    {.name = "l=0",
     " v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=one; l=0; h=from; bh=BH; b=",
     DKIM_RESULT_PASS,
     "the body is longer than l=",
     DKIM_FLAG_BODY_LENGTH | DKIM_FLAG_PARTIAL_BODY},
    {.name = "l= beyond the body",
     " v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=one; l=27;"
     " h=from; bh=BH; b=",
     DKIM_RESULT_PERMERROR,
     "the body is shorter than l=",
     DKIM_FLAG_BODY_LENGTH},
    {.name = "l= is no number", SIG("one", "l=-1;"), DKIM_RESULT_PERMERROR, "l= is not a length"},

    {.name = "no key", SIG("nokey", ""), DKIM_RESULT_PERMERROR, "no key for signature"},
    {.name = "no TXT", SIG("empty", ""), DKIM_RESULT_PERMERROR, "no key for signature"},
    {.name = "a TXT of others",
     SIG("unrelated", ""),
     DKIM_RESULT_PERMERROR,
     "no key for signature"},
    {.name = "SERVFAIL",
     SIG("servfail", ""),
     DKIM_RESULT_TEMPERROR,
     "DNS did not answer for the key"},
    {.name = "time-out",
     SIG("timeout", ""),
     DKIM_RESULT_TEMPERROR,
     "DNS did not answer for the key"},
    {.name = "bogus", SIG("bogus", ""), DKIM_RESULT_TEMPERROR, "DNS did not answer for the key"},
    {.name = "revoked", SIG("revoked", ""), DKIM_RESULT_PERMERROR, "the key is revoked"},
    {.name = "t=y",
     SIG("testing", ""),
     DKIM_RESULT_PASS,
     "the domain is testing (t=y)",
     DKIM_FLAG_TEST_KEY},
    {.name = "t=s, same domain",
     SIG("strict", "i=a@Example.org;"),
     DKIM_RESULT_PASS,
     "the domain is testing (t=y)",
     DKIM_FLAG_TEST_KEY | DKIM_FLAG_STRICT_KEY},
    {.name = "t=s, subdomain",
     SIG("strict", "i=@a.example.org;"),
     DKIM_RESULT_PERMERROR,
     "the key allows no subdomain in i="},
    {.name = "h= of the key without sha256",
     SIG("sha1", ""),
     DKIM_RESULT_PERMERROR,
     "the key does not allow sha256"},
    {.name = "h= and s= of the key", SIG("both", ""), DKIM_RESULT_PASS},
    {.name = "s= of the key without email",
     SIG("web", ""),
     DKIM_RESULT_PERMERROR,
     "the key is not for mail"},
    {.name = "s= of the key with email", SIG("mail", ""), DKIM_RESULT_PASS},
    {.name = "a key's tag twice",
     SIG("twice", ""),
     DKIM_RESULT_PERMERROR,
     "the key record is malformed"},
    {.name = "a key of another version",
     SIG("version", ""),
     DKIM_RESULT_PERMERROR,
     "no key for signature"},
    {.name = "a key whose v= is not first",
     SIG("second", ""),
     DKIM_RESULT_PERMERROR,
     "no key for signature"},
    {.name = "a key without p=",
     SIG("nop", ""),
     DKIM_RESULT_PERMERROR,
     "the key record is malformed"},
    {.name = "a key that is none",
     SIG("garbage", ""),
     DKIM_RESULT_PERMERROR,
     "the key cannot be read"},
    {.name = "p= is not base64",
     SIG("notbase64", ""),
     DKIM_RESULT_PERMERROR,
     "the key cannot be read"},
    {.name = "an Ed25519 key that is too short",
     ED("edshort"),
     DKIM_RESULT_PERMERROR,
     "the key cannot be read",
     .pem = RFC8463_ED25519},
    {.name = "k= unknown",
     SIG("future", ""),
     DKIM_RESULT_PERMERROR,
     "the key is of another algorithm than a="},
    {.name = "k= against a=",
     ED("one"),
     DKIM_RESULT_PERMERROR,
     "the key is of another algorithm than a=",
     .pem = RFC8463_ED25519},
    {.name = "a key over 1,024 octets",
     SIG("long", ""),
     DKIM_RESULT_PERMERROR,
     "the key record is longer than 1024 octets"},
    {.name = "several keys at one name",
     SIG("several", ""),
     DKIM_RESULT_PASS,
     "the domain is testing (t=y)",
     DKIM_FLAG_SEVERAL_KEYS | DKIM_FLAG_TEST_KEY},
    {.name = "several keys, the other algorithm",
     ED("several"),
     DKIM_RESULT_PASS,
     .pem = RFC8463_ED25519},

    {.name = "no From",
     SIG("one", ""),
     DKIM_RESULT_PERMERROR,
     "the message has no From field",
     .header = "To: a\n"},
    {.name = "two From",
     SIG("one", ""),
     DKIM_RESULT_PERMERROR,
     "the message has several From fields",
     .added = "From: two@example.net\n"},
    {.name = "every field named and one more",
     " v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=one;"
     " h=from:to:subject:date:dkim-signature:x-one-more; bh=BH; b=",
     DKIM_RESULT_FAIL,
     "the signature does not fit the header"},
    {.name = "every field named and many more",
     " v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=one;"
     " h=from:to:subject:date:dkim-signature:a:b:c:d:e:f:g:h:i:j:k:l:m; bh=BH; b=",
     DKIM_RESULT_FAIL,
     "the signature does not fit the header"},
    {.name = "a ';' in a field's name", SIG("one", ""), DKIM_RESULT_PASS, .added = "X;Y: x\n"},
    {.name = "z=", SIG("one", "z=From:a@b|To:" X10(X10("=3B=3A")) ";"), DKIM_RESULT_PASS},
};

static void fill(struct test_message *message, const struct row *row)
{
    test_message_begin(message, base_text_of(row->header != NULL ? row->header : HEADER),
                       base_text_of(row->body != NULL ? row->body : BODY));
    if (row->tags != NULL)
        custom_add(message, row->pem != NULL ? row->pem : RFC8463_RSA, row->tags);
    if (row->added != NULL) {
        struct base_text value = base_text_trim(base_text_of(row->added));
        struct base_text name = base_text_split(&value, ':');

        assert_true(policy_edits_insert(&message->edits, &message->header, name, value));
        message->header.fields[0].index = 1;
    }
    if (row->appended != NULL) {
        struct base_buf body;

        base_buf_init(&body, message->arena, 65536);
        base_buf_append_text(&body, message->body);
        base_buf_append_cstr(&body, row->appended);
        message->body = base_buf_text(&body);
    }
}

static bool is_as_wanted(const struct row *row, const struct dkim_verdicts *verdicts)
{
    const struct dkim_verdict *verdict = &verdicts->items[0];

    if (row->want == DKIM_RESULT_NONE || verdicts->count != 1)
        return row->want == DKIM_RESULT_NONE && verdicts->count == 0;
    if (dkim_verdict_is_creditable(verdict) !=
        (row->want == DKIM_RESULT_PASS && (row->flags & DKIM_FLAG_PARTIAL_BODY) == 0))
        return false;
    return verdict->result == row->want && verdict->flags == row->flags &&
           (row->reason == NULL) == (verdict->reason == NULL) &&
           (row->reason == NULL || strcmp(row->reason, verdict->reason) == 0);
}

static void test_rows(void **state)
{
    struct dkim_library *library = dkim_library_create();
    static const size_t chunks[] = {1, 7, 65535};
    unsigned wrong = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (size_t c = 0; c < 3; c++) {
            struct test_message message;
            struct test_dns dns;
            const struct dkim_verdicts *verdicts;

            test_dns_begin(&dns, BASE_TEXT(zone));
            fill(&message, &rows[i]);
            verdicts = test_verify_chunks(&message, &dns, library,
                                          rows[i].now_s != 0 ? rows[i].now_s : TEST_NOW, chunks[c]);
            if (!is_as_wanted(&rows[i], verdicts)) {
                print_error("%s, chunks of %zu: got %s, \"%s\", flags %u\n", rows[i].name,
                            chunks[c], dkim_result_text(verdicts->items[0].result),
                            verdicts->items[0].reason != NULL ? verdicts->items[0].reason : "",
                            verdicts->items[0].flags);
                wrong++;
            }
            test_message_end(&message);
            test_dns_end(&dns);
        }
    }
    dkim_library_destroy(&library);
    assert_int_equal(wrong, 0);
}

/* --- several signatures --- */

static const struct {
    const char *name;
    /* From the lowest to the topmost. */
    const char *tags[4];
    /* In the order of the fields, from the top. */
    enum dkim_result want[4];
} groups[] = {
    {"one key fails, the others stay",
     {SIG("one", ""), SIG("servfail", ""), SIG("nokey", ""), SIG("plain", "")},
     {DKIM_RESULT_PASS, DKIM_RESULT_PERMERROR, DKIM_RESULT_TEMPERROR, DKIM_RESULT_PASS}},
    {"a limit does not pass to the next",
     {SIG("one", ""),
      " v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=one; l=5; h=from;"
      " bh=BH; b=",
      SIG("plain", "")},
     {DKIM_RESULT_PASS, DKIM_RESULT_PASS, DKIM_RESULT_PASS}},
    {"one key, several signatures",
     {SIG("one", ""), SIG("one", "t=1767225600;")},
     {DKIM_RESULT_PASS, DKIM_RESULT_PASS}},
    {"one signature twice", {SIG("one", ""), SIG("one", "")}, {DKIM_RESULT_PASS, DKIM_RESULT_PASS}},
    {"a malformed one between",
     {SIG("one", ""), " v=1; b=", " nothing b=", SIG("one", "")},
     {DKIM_RESULT_PASS, DKIM_RESULT_PERMERROR, DKIM_RESULT_PERMERROR, DKIM_RESULT_PASS}},
    {"one signs the other",
     {SIG("one", ""), " v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=plain;"
                      " h=from:dkim-signature; bh=BH; b="},
     {DKIM_RESULT_PASS, DKIM_RESULT_PASS}},
};

static void test_groups(void **state)
{
    struct dkim_library *library = dkim_library_create();

    (void)state;
    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
        struct test_message message;
        struct test_dns dns;
        const struct dkim_verdicts *verdicts;
        size_t count = 0;

        test_dns_begin(&dns, BASE_TEXT(zone));
        test_message_begin(&message, BASE_TEXT(HEADER), BASE_TEXT(BODY));
        for (; count < 4 && groups[i].tags[count] != NULL; count++)
            custom_add(&message, RFC8463_RSA, groups[i].tags[count]);
        verdicts = test_verify(&message, &dns, library, TEST_NOW);
        assert_int_equal(verdicts->count, count);
        for (size_t k = 0; k < count; k++)
            if (verdicts->items[k].result != groups[i].want[k])
                fail_msg("%s: signature %zu is %s, \"%s\"", groups[i].name, k,
                         dkim_result_text(verdicts->items[k].result), verdicts->items[k].reason);
        test_message_end(&message);
        test_dns_end(&dns);
    }
    dkim_library_destroy(&library);
}

/* Both algorithms under one selector. */
static void test_two_algorithms_at_one_name(void **state)
{
    struct dkim_library *library = dkim_library_create();
    struct test_message message;
    struct test_dns dns;
    const struct dkim_verdicts *verdicts;

    (void)state;
    test_dns_begin(&dns, BASE_TEXT(zone));
    test_message_begin(&message, BASE_TEXT(HEADER), BASE_TEXT(BODY));
    custom_add(&message, RFC8463_RSA, SIG("several", ""));
    custom_add(&message, RFC8463_ED25519, ED("several"));
    verdicts = test_verify(&message, &dns, library, TEST_NOW);
    assert_int_equal(verdicts->items[0].result, DKIM_RESULT_PASS);
    assert_int_equal(verdicts->items[1].result, DKIM_RESULT_PASS);
    test_message_end(&message);
    test_dns_end(&dns);
    dkim_library_destroy(&library);
}

/* --- caps --- */

static void test_cap_takes_aligned_first(void **state)
{
    struct dkim_library *library = dkim_library_create();
    struct dns_name author = test_name("example.org");
    struct test_message message;
    struct test_dns dns;
    struct dkim_verify_options options;
    struct dkim_verification *verification;
    const struct dkim_verdicts *verdicts;

    (void)state;
    test_dns_begin(&dns, BASE_TEXT(zone));
    options = (struct dkim_verify_options){library, dns.lookups, &author, TEST_NOW, 10, 200};
    test_message_begin(&message, BASE_TEXT(HEADER), BASE_TEXT(BODY));
    custom_add(&message, RFC8463_RSA, SIG("one", ""));
    for (int i = 0; i < 30; i++)
        custom_add(&message, RFC8463_RSA,
                   " v=1; a=rsa-sha256; d=example.net; s=one; h=from; bh=BH; b=");
    verification = dkim_verification_begin(message.arena, &options, &message.header);
    dkim_verification_body(verification, message.body);
    verdicts = dkim_verification_finish(verification);
    dkim_verification_end(&verification);
    assert_int_equal(verdicts->count, 10);
    assert_int_equal(verdicts->skipped, 21);
    assert_int_equal(verdicts->items[9].result, DKIM_RESULT_PASS);
    assert_int_equal(dns_lookups_count(dns.lookups), 2);
    test_message_end(&message);
    test_dns_end(&dns);
    dkim_library_destroy(&library);
}

/* The one below thirty others is looked at if it is nearer to the author. */
static void test_cap_takes_nearest_first(void **state)
{
    static const struct {
        const char *author;
        const char *last;
        const char *others;
        bool want;
    } nearness[] = {
        {"example.org", "example.org", "example.net", true},
        {"example.org", "example.org", "other.org", true},
        {"example.org", "a.example.org", "other.org", true},
        {"a.example.org", "example.org", "other.org", true},
        {"a.example.org", "b.example.org", "other.org", true},
        {"a.b.example.org", "c.b.example.org", "example.org", true},
        {"a.example.co.uk", "example.co.uk", "other.co.uk", true},
        {"a.example.org", "A.Example.ORG", "b.example.org", true},
        {"example.org", "notexample.org", "a.net", true},
        {"example.org", "example.net", "a.net", false},
        {"example.org", "other.org", "example.org", false},
        {"b.example.org", "other.org", "a.example.org", false},
    };
    struct dkim_library *library = dkim_library_create();

    (void)state;
    for (size_t i = 0; i < sizeof(nearness) / sizeof(nearness[0]); i++) {
        struct dns_name author = test_name(nearness[i].author);
        struct test_message message;
        struct test_dns dns;
        char last[256];
        char other[256];
        bool is_found = false;

        test_dns_begin(&dns, BASE_TEXT(zone));
        struct dkim_verify_options options = {library, dns.lookups, &author, TEST_NOW, 10, 200};
        test_message_begin(&message, BASE_TEXT(HEADER), BASE_TEXT(BODY));
        snprintf(last, sizeof(last),
                 " v=1; a=rsa-sha256; d=%s; s=x; h=from; bh=BH; b=", nearness[i].last);
        snprintf(other, sizeof(other),
                 " v=1; a=rsa-sha256; d=%s; s=x; h=from; bh=BH; b=", nearness[i].others);
        custom_add(&message, RFC8463_RSA, last);
        for (int k = 0; k < 30; k++)
            custom_add(&message, RFC8463_RSA, other);
        struct dkim_verification *verification =
            dkim_verification_begin(message.arena, &options, &message.header);
        const struct dkim_verdicts *verdicts = dkim_verification_finish(verification);
        for (size_t k = 0; k < verdicts->count; k++)
            is_found |= base_text_equals(verdicts->items[k].domain, base_text_of(nearness[i].last));
        dkim_verification_end(&verification);
        if (verdicts->count != 10 || verdicts->skipped != 21 || is_found != nearness[i].want)
            fail_msg("%s, %s below %s: %zu, %zu, %d", nearness[i].author, nearness[i].last,
                     nearness[i].others, verdicts->count, verdicts->skipped, is_found);
        test_message_end(&message);
        test_dns_end(&dns);
    }
    dkim_library_destroy(&library);
}

static void test_a_cut_header_is_not_judged(void **state)
{
    struct dkim_library *library = dkim_library_create();
    struct test_message message;
    struct test_dns dns;
    const struct dkim_verdicts *verdicts;

    (void)state;
    test_dns_begin(&dns, BASE_TEXT(zone));
    test_message_begin(&message, BASE_TEXT(HEADER), BASE_TEXT(BODY));
    custom_add(&message, RFC8463_RSA, SIG("one", ""));
    message.header.is_cut = true;
    verdicts = test_verify(&message, &dns, library, TEST_NOW);
    assert_int_equal(verdicts->items[0].result, DKIM_RESULT_PERMERROR);
    assert_int_equal(dns_lookups_count(dns.lookups), 0);
    test_message_end(&message);
    test_dns_end(&dns);
    dkim_library_destroy(&library);
}

/* What our own edits did to the header is not what was signed. */
static void test_edits_do_not_matter(void **state)
{
    struct dkim_library *library = dkim_library_create();
    struct test_message message;
    struct test_dns dns;
    const struct dkim_verdicts *verdicts;

    (void)state;
    test_dns_begin(&dns, BASE_TEXT(zone));
    test_message_begin(&message, BASE_TEXT(HEADER), BASE_TEXT(BODY));
    custom_add(&message, RFC8463_RSA, SIG("one", ""));
    assert_true(policy_edits_delete(&message.edits, &message.header.fields[3]));
    assert_true(policy_edits_insert(&message.edits, &message.header, BASE_TEXT("Subject"),
                                    BASE_TEXT(" ours")));
    verdicts = test_verify(&message, &dns, library, TEST_NOW);
    assert_int_equal(verdicts->count, 1);
    assert_int_equal(verdicts->items[0].result, DKIM_RESULT_PASS);
    test_message_end(&message);
    test_dns_end(&dns);
    dkim_library_destroy(&library);
}

/* The list of fields moves while the body is on its way; the second look at the header, which
 * several keys at one name need, still finds the signature. */
static void test_edits_meanwhile(void **state)
{
    struct dkim_library *library = dkim_library_create();
    struct test_message message;
    struct test_dns dns;
    struct dkim_verify_options options;
    struct dkim_verification *verification;
    const struct dkim_verdicts *verdicts;

    (void)state;
    test_dns_begin(&dns, BASE_TEXT(zone));
    options = (struct dkim_verify_options){library, dns.lookups, NULL, TEST_NOW, 10, 200};
    test_message_begin(&message, BASE_TEXT(HEADER), BASE_TEXT(BODY));
    custom_add(&message, RFC8463_RSA, SIG("several", ""));
    verification = dkim_verification_begin(message.arena, &options, &message.header);
    for (int i = 0; i < 100; i++)
        assert_true(policy_edits_insert(&message.edits, &message.header, BASE_TEXT("From"),
                                        BASE_TEXT(" ours")));
    dkim_verification_body(verification, message.body);
    verdicts = dkim_verification_finish(verification);
    dkim_verification_end(&verification);
    assert_int_equal(verdicts->items[0].result, DKIM_RESULT_PASS);
    test_message_end(&message);
    test_dns_end(&dns);
    dkim_library_destroy(&library);
}

/* A NUL is never handed on; the field is as if it were not there. */
static void test_nul_in_a_field(void **state)
{
    struct dkim_library *library = dkim_library_create();
    struct test_message message;
    struct test_dns dns;
    const struct dkim_verdicts *verdicts;

    (void)state;
    test_dns_begin(&dns, BASE_TEXT(zone));
    test_message_begin(&message, BASE_TEXT(HEADER "X-Nul: a\0b\n"), BASE_TEXT(BODY));
    custom_add(&message, RFC8463_RSA,
               " v=1; a=rsa-sha256; d=example.org; s=one; h=from:x-nul; bh=BH; b=");
    custom_add(&message, RFC8463_RSA, SIG("one", ""));
    verdicts = test_verify(&message, &dns, library, TEST_NOW);
    assert_int_equal(verdicts->items[0].result, DKIM_RESULT_PASS);
    assert_int_equal(verdicts->items[1].result, DKIM_RESULT_FAIL);
    test_message_end(&message);
    test_dns_end(&dns);
    dkim_library_destroy(&library);
}

static void test_end_is_idempotent_and_early(void **state)
{
    struct dkim_library *library = dkim_library_create();
    struct test_message message;
    struct test_dns dns;
    struct dkim_verify_options options;
    struct dkim_verification *verification;

    (void)state;
    test_dns_begin(&dns, BASE_TEXT(zone));
    options = (struct dkim_verify_options){library, dns.lookups, NULL, TEST_NOW, 10, 200};
    test_message_begin(&message, BASE_TEXT(HEADER), BASE_TEXT(BODY));
    custom_add(&message, RFC8463_RSA, SIG("one", ""));
    verification = dkim_verification_begin(message.arena, &options, &message.header);
    assert_true(dkim_verification_wants_body(verification));
    /* Aborted before the body. */
    dkim_verification_end(&verification);
    dkim_verification_end(&verification);
    assert_null(verification);
    test_message_end(&message);
    test_dns_end(&dns);
    dkim_library_destroy(&library);
}

static void test_a_small_arena_is_no_crash(void **state)
{
    struct dkim_library *library = dkim_library_create();

    (void)state;
    for (size_t cap = 512; cap < 65536; cap += 512) {
        struct base_arena *arena = base_arena_create(cap, NULL);
        struct test_message message;
        struct test_dns dns;
        struct dkim_verify_options options;
        struct dkim_verification *verification;

        test_dns_begin(&dns, BASE_TEXT(zone));
        options = (struct dkim_verify_options){library, dns.lookups, NULL, TEST_NOW, 10, 200};
        test_message_begin(&message, BASE_TEXT(HEADER), BASE_TEXT(BODY));
        custom_add(&message, RFC8463_RSA, SIG("one", ""));
        verification = dkim_verification_begin(arena, &options, &message.header);
        if (verification != NULL) {
            const struct dkim_verdicts *verdicts;

            dkim_verification_body(verification, message.body);
            verdicts = dkim_verification_finish(verification);
            if (verdicts == NULL || verdicts->items[0].result != DKIM_RESULT_PASS)
                assert_true(base_arena_is_exhausted(arena));
        } else {
            assert_true(base_arena_is_exhausted(arena));
        }
        dkim_verification_end(&verification);
        test_message_end(&message);
        test_dns_end(&dns);
        base_arena_destroy(&arena);
    }
    dkim_library_destroy(&library);
}

/* --- threads --- */

struct worker {
    pthread_t thread;
    struct dkim_library *library;
    const struct dkim_sign_block *block;
    unsigned passed;
};

static void *work(void *context)
{
    struct worker *worker = context;

    for (int i = 0; i < 20; i++) {
        struct test_message message;
        struct test_dns dns;
        const struct dkim_verdicts *verdicts;

        test_dns_begin(&dns, BASE_TEXT(zone));
        test_message_begin(&message, BASE_TEXT(HEADER), BASE_TEXT(BODY));
        test_sign(&message, worker->block, TEST_NOW);
        verdicts = test_verify(&message, &dns, worker->library, TEST_NOW);
        for (size_t k = 0; k < verdicts->count; k++)
            worker->passed += verdicts->items[k].result == DKIM_RESULT_PASS ? 1 : 0;
        test_message_end(&message);
        test_dns_end(&dns);
    }
    return NULL;
}

/* One library and one block for all sessions. */
static void test_threads(void **state)
{
    struct dkim_signer signers[] = {{test_key(RFC8463_RSA), "one"},
                                    {test_key(RFC8463_ED25519), "ed"}};
    struct dns_name domain = test_name("example.org");
    struct dkim_library *library = dkim_library_create();
    struct dkim_sign_block block;
    struct worker workers[4];

    (void)state;
    dkim_sign_block_init(&block, &domain);
    block.signers = signers;
    block.signer_count = 2;
    for (size_t i = 0; i < 4; i++) {
        workers[i] = (struct worker){.library = library, .block = &block};
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
        assert_int_equal(workers[i].passed, 40);
    }
    dkim_library_destroy(&library);
    keys_key_unref(&signers[0].key);
    keys_key_unref(&signers[1].key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_groups),
        cmocka_unit_test(test_two_algorithms_at_one_name),
        cmocka_unit_test(test_cap_takes_aligned_first),
        cmocka_unit_test(test_cap_takes_nearest_first),
        cmocka_unit_test(test_a_cut_header_is_not_judged),
        cmocka_unit_test(test_edits_do_not_matter),
        cmocka_unit_test(test_edits_meanwhile),
        cmocka_unit_test(test_nul_in_a_field),
        cmocka_unit_test(test_end_is_idempotent_and_early),
        cmocka_unit_test(test_a_small_arena_is_no_crash),
        cmocka_unit_test(test_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
