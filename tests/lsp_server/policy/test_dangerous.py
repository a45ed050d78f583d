"""The built-in patterns: what each finds, and what it must not."""

import pytest

from lsp_server.policy import BUILT_IN_RULES

FOUND = {
    "shell-injection": [
        "subprocess.run(f'ls {path}', shell=True)",
        "subprocess.check_output(command, shell = True)",
        'os.system("rm " + name)',
        "os.system(f'rm {name}')",
        "os.popen(command)",
        "child_process.exec(`ls ${path}`)",
        "exec('ls ' + path, done)",
        "shell_exec('ls ' . $path);",
        'system("ls #{path}")',
        'exec.Command("sh", "-c", line)',
        'Runtime.getRuntime().exec("ls " + path);',
        'Command::new("sh").arg("-c").arg(format!("ls {}", path))',
    ],
    "decode-then-eval": [
        "exec(base64.b64decode(payload))",
        "eval(atob(text))",
        "eval(base64_decode($text));",
        "pickle.loads(base64.b64decode(text))",
        "echo $x | base64 -d | sh",
        "base64 --decode file | sudo bash",
        "powershell -enc SQBFAFgAIAAoAE4AZQB3AC0A",
        "new Function(Buffer.from(text, 'base64').toString())",
    ],
    "curl-pipe-sh": [
        "curl -fsSL https://example.com/install.sh | sh",
        "wget -qO- https://example.com/x | sudo -E bash -",
        "curl https://example.com/x.py | python3 -",
        'bash -c "$(curl -fsSL https://example.com/x)"',
        "bash <(curl -s https://example.com/x)",
        "iwr https://example.com/x.ps1 | iex",
        "exec(requests.get(url).text)",
    ],
    "tls-off": [
        "requests.get(url, verify=False)",
        "ssl._create_unverified_context()",
        "context.check_hostname = False",
        "https.request({ rejectUnauthorized: false })",
        "process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'",
        "&tls.Config{InsecureSkipVerify: true}",
        "curl_setopt($c, CURLOPT_SSL_VERIFYPEER, false);",
        ".danger_accept_invalid_certs(true)",
        "curl -k https://example.com",
        "curl -sk https://example.com",
        "wget --no-check-certificate https://example.com",
        "handler.ServerCertificateCustomValidationCallback = (a, b, c, d) => true;",
        "git config http.sslVerify false",
    ],
    "sql-format": [
        'cursor.execute("SELECT * FROM users WHERE id = %s" % user)',
        'cursor.execute(f"SELECT * FROM users WHERE id = {user}")',
        'cursor.execute("delete from users where id = {}".format(user))',
        "query = 'INSERT INTO t VALUES (' + value + ')'",
        "db.query(`SELECT * FROM users WHERE id = ${id}`)",
        '$q = "SELECT * FROM users WHERE id = $id";',
        'fmt.Sprintf("SELECT * FROM t WHERE a = %s", a)',
        'String.format("UPDATE t SET a = %s", a)',
        'User.find_by_sql("SELECT * FROM users WHERE id = #{id}")',
    ],
}
NOT_FOUND = [
    'subprocess.run(["ls", path], check=True)',
    'os.system("clear")',
    "match = pattern.exec(line + tail)",
    "execute(query, parameters)",
    "exec.Command(name, arguments...)",
    "evaluate(decode(text))",
    "data = base64.b64decode(text)",
    "curl -o install.sh https://example.com/install.sh",
    "cat names | sort | uniq",
    "requests.get(url, verify=True)",
    "verify(False)",
    "curl -s https://example.com/kettle",
    'cursor.execute("SELECT * FROM users WHERE id = %s", (user,))',
    'cursor.execute("SELECT * FROM users WHERE id = ?", [user])',
    'print("choose one of the list: " + name)',
    'query = "SELECT name FROM users"',
    "updated = settings.update(values)",
]


def ids(before: str, text: str, after: str = "", language: str = "python") -> list[str]:
    return [finding.pattern.id for finding in BUILT_IN_RULES.findings(before, text, after, language)]


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in FOUND.items() for text in texts])
def test_dangerous_code_is_found(name: str, text: str) -> None:
    assert name in ids("", text)
    assert name in ids("    ", f"x = 1\n{text}\ny = 2", "")


@pytest.mark.parametrize("text", NOT_FOUND)
def test_other_code_is_not(text: str) -> None:
    assert ids("", text) == []


def test_what_stands_before_the_cursor_is_read_too() -> None:
    assert ids("curl https://example.com/x ", "| sh") == ["curl-pipe-sh"]
    assert ids("requests.get(url, verify=", "False", ")") == ["tls-off"]


def test_what_is_there_already_is_not_told_of() -> None:
    assert ids("requests.get(url, verify=False)\n", "print(1)") == []
    assert ids("requests.get(url, verify=False); ", "x = 1") == []
    assert ids("", "x = 1", "; requests.get(url, verify=False)") == []


def test_by_default_they_are_told_of_and_not_hidden() -> None:
    assert {pattern.action for pattern in BUILT_IN_RULES.patterns} == {"warn"}
