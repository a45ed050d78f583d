r"""Built-in patterns of code that is dangerous wherever it stands: told of, or hidden by a policy.

By the line, without a parser: what runs over several lines is not found, and a test that turns TLS checks
off for good reason is. So the default is a warning.
"""

from __future__ import annotations

from lsp_server.policy.pattern import Pattern

_SHELL = r"(?:sudo\s+(?:-\w+\s+){0,3})?(?:/(?:usr/)?bin/)?(?:env\s+)?(?:ba|z|da|k|fi|c)?sh\b"
_SQL = (
    r"\s{0,80}(?i:select\s[^\"'`\n]{0,300}\bfrom\b|insert\s+into\b|update\s[^\"'`\n]{0,100}\bset\b|delete\s+from\b"
    r"|(?:drop|alter|truncate)\s+table\b)[^\"'`\n]{0,300}?"
)

BUILT_IN = (
    Pattern(
        "shell-injection",
        "A shell runs a command that is put together from values: whoever chooses a value can run anything.",
        (
            r"(?:subprocess\.\w+|\bPopen|\bcheck_output|\bcheck_call|\brun|\bcall)\([^\n]{0,400}\bshell\s*=\s*True\b",
            r"\bos\.(?:system|popen)\s*\(\s*(?:[fF][\"']|[A-Za-z_]\w*\s*[)+%.]|[\"'][^\"'\n]*[\"']\s*(?:%|\+|\.format))",
            r"(?:child_process\.|^|[^.\w])exec(?:Sync)?\s*\(\s*(?:`[^`\n]*\$\{|[\"'][^\"'\n]*[\"']\s*\+|\w+\s*\+\s*[\w\"'])",
            r"\b(?:shell_exec|passthru|proc_open|popen|system|exec)\s*\(\s*(?:[\"'][^\"'\n]*)?(?:[\"']\s*\.\s*)?\$\w",
            r"\b(?:system|exec|spawn|popen)\s*\(?\s*\"[^\"\n]*#\{|%x[({\[][^\n]*#\{",
            r"\bexec\.Command(?:Context)?\([^\n]{0,80}\"(?:/bin/)?(?:ba|z)?sh\"\s*,\s*\"-c\"\s*,\s*[^\"\s]",
            r"\bgetRuntime\(\)\s*\.exec\s*\([^)\n]*\+",
            r"Command::new\(\s*\"(?:/bin/)?(?:ba)?sh\"\s*\)[^\n]*format!",
        ),
        "warn",
    ),
    Pattern(
        "decode-then-eval",
        "Something is decoded and then run: nobody who reads the code sees what.",
        (
            r"\b(?:eval|exec|Function|assert|create_function)\s*\([^\n]{0,300}(?:b64decode|base64_decode|\batob\b|unhexlify"
            r"|fromhex|decompress|gzinflate|gzuncompress|str_rot13|marshal\.loads|codecs\.decode|Buffer\.from)",
            r"\b(?:pickle|marshal|dill)\.loads\s*\([^\n]{0,200}(?:b64decode|decompress|unhexlify)",
            rf"\bbase64\s+(?:-d|-D|--decode)\b[^\n|]{{0,200}}\|\s*{_SHELL}",
            r"(?i)FromBase64String[^\n]{0,200}\|\s*(?:iex|invoke-expression)|\b(?:iex|invoke-expression)\b[^\n]{0,200}FromBase64String",
            r"(?i)\bpowershell(?:\.exe)?\s[^\n]{0,100}-e(?:nc|ncodedcommand)?\s+[A-Za-z0-9+/=]{16}",
        ),
        "warn",
    ),
    Pattern(
        "curl-pipe-sh",
        "What comes over the network is run at once, whatever it is.",
        (
            rf"\b(?:curl|wget|fetch)\s[^\n|;]{{0,500}}\|\s*(?:{_SHELL}|(?:sudo\s+)?(?:python[0-9.]*|perl|ruby|node|php)\b)",
            r"\b(?:ba|z|da|k)?sh\s+(?:-\w+\s+)?[\"']?(?:\$\(|<\(|`)\s*(?:curl|wget)\b|\b(?:eval|source|\.)\s+[\"']?(?:\$\(|<\(|`)\s*(?:curl|wget)\b",
            r"(?i)\b(?:iwr|irm|curl|wget|invoke-webrequest|invoke-restmethod)\b[^\n|]{0,300}\|\s*(?:iex|invoke-expression)\b"
            r"|\b(?:iex|invoke-expression)\b[^\n]{0,200}\b(?:downloadstring|iwr|irm|invoke-webrequest|invoke-restmethod)\b",
            r"\b(?:eval|exec)\s*\([^\n]{0,200}(?:requests\.get|urlopen|http\.get|fetch)\s*\(",
        ),
        "warn",
    ),
    Pattern(
        "tls-off",
        "The other side's certificate is not checked: anybody on the way can read and change what is sent.",
        (
            r"\bverify(?:_ssl|_certs|_tls)?\s*=\s*False\b|\bcheck_hostname\s*=\s*False\b|_create_unverified_context"
            r"|\b(?:ssl\.)?CERT_NONE\b|\bssl_verify\s*[=:]\s*(?i:false)\b|\bvalidate_certs\s*[=:]\s*(?i:false|no)\b",
            r"\brejectUnauthorized[\"']?\s*:\s*false\b|NODE_TLS_REJECT_UNAUTHORIZED[\"'\]]{0,2}\s*=\s*[\"']?0|\bstrictSSL[\"']?\s*:\s*false\b",
            r"\bInsecureSkipVerify\s*[:=]\s*true\b|\bdanger_accept_invalid_(?:certs|hostnames)\s*\(\s*true|SslVerifyMode::NONE",
            r"CURLOPT_SSL_VERIFY(?:PEER|HOST)[\"']?\s*(?:,|=>)\s*(?i:0|false)|[\"']verify_peer(?:_name)?[\"']\s*=>\s*false|\bSSL_VERIFY_NONE\b|\bVERIFY_NONE\b",
            r"\bNoopHostnameVerifier\b|ALLOW_ALL_HOSTNAME_VERIFIER|\btrustAllCerts\b|ostnameVerifier\([^\n]{0,120}->\s*true",
            r"ServerCertificate(?:Custom)?ValidationCallback[^\n]{0,160}"
            r"(?:=>\s*true|return true|DangerousAcceptAny)",
            r"\bcurl\s(?:[^\n|;]{0,300}\s)?(?:-k|-[a-jl-zA-Z]*k[a-zA-Z]*|--insecure)(?:\s|$)"
            r"|\bwget\s[^\n|;]{0,300}--no-check-certificate|http\.sslVerify[\"']?[\s=]+[\"']?false",
        ),
        "warn",
    ),
    Pattern(
        "sql-format",
        "SQL is put together from strings: a value can become part of the statement. Pass it as a parameter.",
        (
            rf"[\"']{_SQL}[\"']\s*(?:%\s*[\w({{\[]|\+\s*\w|\.\s*format\s*\(|\.\s*\$\w|&\s*\w)",
            rf"\b[fF][rR]?(?:\"\"\"|'''|\"|'){_SQL}\{{[^\"'`\n}}]",
            rf"`{_SQL}\$\{{|\$@?\"{_SQL}\{{\w",
            rf"\"{_SQL}(?:#\{{|\$\w|\{{\$)",
            rf"(?:\bSprintf|\bString\.format|\bformat!|\bsn?printf)\s*\([^\"`\n]{{0,80}}[\"`]{_SQL}(?:%[svdq@]|\{{\w*[:}}])",
        ),
        "warn",
    ),
)
