# SPDX-License-Identifier: GPL-2.0-or-later
"""What an answer must not have beside secrets and personal data: password hashes, stack traces and debug pages of
the common runtimes, errors of databases. Texts are made from how each runtime writes its own."""

from corpus import Case, as_json

HASHES = {
    "bcrypt": ["$2a$10$<crypt:53>", "$2b$12$<crypt:53>", "$2y$08$<crypt:53>"],
    "argon2": ["$argon2id$v=19$m=65536,t=3,p=4$<b64:22>$<b64:43>", "$argon2i$v=19$m=4096,t=3,p=1$<b64:22>$<b64:43>"],
    "scrypt": ["$scrypt$ln=15,r=8,p=1$<b64:22>$<b64:43>"],
    "pbkdf2": [
        "pbkdf2_sha256$600000$<an:22>$<b64:43>=",
        "pbkdf2:sha256:260000$<an:16>$<hx:64>",
        "$pbkdf2-sha256$29000$<an:22>$<an:43>",
    ],
    "crypt": [
        "$6$<crypt:16>$<crypt:86>",
        "$5$<crypt:12>$<crypt:43>",
        "$1$<crypt:8>$<crypt:22>",
        "$y$j9T$<crypt:22>$<crypt:43>",
        "$apr1$<crypt:8>$<crypt:22>",
    ],
    "phpass": ["$P$B<crypt:30>"],
    "ldap": ["{SSHA}<b64:38>=="],
}
MEMBERS = ["password_hash", "passwordHash", "password_digest", "encrypted_password", "hashed_password"]

TRACES = {
    "Java": [
        'java.lang.NullPointerException: Cannot invoke "Order.total()"\n'
        "\tat test.shop.<uc:1><lc:6>.<lc:5>(<uc:1><lc:6>.java:<d:3>)\n\tat "
        "java.base/java.lang.Thread.run(Thread.java:840)",
        "org.springframework.dao.DataIntegrityViolationException: could not execute statement",
        'Exception in thread "main" java.lang.IllegalStateException: <lc:6>\n'
        "\tat test.<lc:5>.Main.main(Main.java:<d:2>)",
        "\tat test.shop.cart.CartKt.add(Cart.kt:<d:2>)\n",
    ],
    "Python": [
        'Traceback (most recent call last):\n  File "/srv/<lc:5>/<lc:6>.py", line <d:3>, '
        "in <lc:5>\n    <lc:6>()\nKeyError: '<lc:5>'",
        '  File "/usr/lib/python3.11/<lc:6>.py", line <d:2>, in __call__\n    return self.app(environ)',
    ],
    "Node.js": [
        "TypeError: Cannot read properties of undefined (reading '<lc:5>')\n    at <lc:6> "
        "(/srv/app/<lc:6>.js:<d:2>:<d:2>)\n    at "
        "process.processTicksAndRejections (node:internal/process/task_queues:95:5)",
        "ReferenceError: <lc:5> is not defined\n    at /srv/<lc:5>/dist/<lc:6>.mjs:<d:2>:<d:1>",
        "Error: <lc:6>\n    at Object.<anonymous> (file:///srv/app/src/<lc:5>.ts:<d:2>:<d:2>)",
    ],
    "Go": [
        "panic: runtime error: index out of range [3] with length 3\n\ngoroutine <d:2> [running]:\n"
        "main.<lc:5>(0xc000012345)\n"
        "\t/srv/<lc:5>/main.go:<d:2> +0x1d",
        "goroutine <d:3> [chan receive, 3 minutes]:\nnet/http.(*conn).serve(0x1)",
    ],
    "Ruby": [
        "app/models/<lc:5>.rb:<d:2>:in `<lc:6>': undefined method `total' for nil:NilClass (NoMethodError)",
        "ActiveRecord::RecordNotFound (Couldn't find Order with 'id'=<d:3>)",
        "/srv/<lc:4>/app/controllers/<lc:5>_controller.rb:<d:2>:in 'show'",
    ],
    "PHP": [
        "PHP Fatal error:  Uncaught Error: Call to undefined function <lc:6>() in /var/www/<lc:5>.php:<d:2>",
        "<br />\n<b>Warning</b>:  Undefined variable $<lc:5> in <b>/var/www/html/<lc:5>.php</b> on line <b><d:2></b>",
        "Stack trace:\n#0 /var/www/<lc:5>/<lc:5>.php(<d:2>): <lc:6>()\n#1 {main}",
    ],
    ".NET": [
        "System.NullReferenceException: Object reference not set to an instance of an object.\n"
        "   at Shop.Api.<uc:1><lc:5>.Get(Int32 id) in "
        "C:\\src\\Shop\\<lc:5>.cs:line <d:2>",
        "Microsoft.EntityFrameworkCore.DbUpdateException: An error occurred while saving the entity changes.",
        "   at Shop.<uc:1><lc:5>.<uc:1><lc:5>(String name) in /src/<lc:5>.cs:line <d:3>",
    ],
    "Rust": [
        "thread 'main' panicked at src/<lc:5>.rs:<d:2>:<d:1>:\nindex out of bounds\nnote: "
        "run with `RUST_BACKTRACE=1` environment variable"
    ],
    "debug pages": [
        "<p>You're seeing this error because you have <code>DEBUG = True</code> in your Django settings file.</p>",
        "<title>OperationalError at /<lc:5>/</title>",
        "<title>TypeError // Werkzeug Debugger</title>",
        "<h1>Whitelabel Error Page</h1><p>This application has no explicit mapping</p>",
        "<h1>HTTP Status 500 – Internal Server Error</h1><p><b>Root Cause</b></p>",
        "<title>Runtime Error</title><b> Version Information:</b> ASP.NET Version:4.8.4494.0",
        "Action Controller: Exception caught",
        "<title>phpinfo()</title>",
        "Symfony\\Component\\HttpKernel\\Exception\\NotFoundHttpException",
        "Illuminate\\Database\\QueryException in /srv/vendor/laravel/framework/src/<lc:5>.php",
        "<pre>TypeError: <lc:5> is not a function<br> &nbsp; &nbsp;at /srv/app.js:3:4</pre>",
    ],
}
DATABASES = {
    "PostgreSQL": [
        'ERROR:  syntax error at or near "<lc:5>"\nLINE 1: SELECT',
        'pq: duplicate key value violates unique constraint "<lc:5>_key"',
        'psycopg2.errors.UndefinedTable: relation "<lc:6>" does not exist',
        'org.postgresql.util.PSQLException: ERROR: column "<lc:4>" does not exist',
        'SQLSTATE[42P01]: Undefined table: 7 ERROR:  relation "<lc:6>" does not exist',
        'ERROR: insert or update on table "<lc:5>" violates foreign key constraint "fk_<lc:4>"',
    ],
    "MySQL": [
        "You have an error in your SQL syntax; check the manual that corresponds to your MySQL "
        "server version for the right syntax to use near '<lc:4>'",
        "ER_BAD_FIELD_ERROR: Unknown column '<lc:5>' in 'where clause'",
        "com.mysql.cj.jdbc.exceptions.CommunicationsException: Communications link failure",
        "Error 1062 (23000): Duplicate entry '<d:4>' for key '<lc:5>.PRIMARY'",
        "ER_DUP_ENTRY: Duplicate entry '<lc:5>' for key 'email'",
    ],
    "SQLite": [
        "sqlite3.OperationalError: no such table: <lc:5>",
        "SQLITE_ERROR: no such column: <lc:5>",
        "UNIQUE constraint failed: users.<lc:5>",
        "SQLITE_CONSTRAINT: NOT NULL constraint failed: <lc:5>.name",
        'unrecognized token: "\'<lc:4>"',
    ],
    "Oracle": [
        "ORA-00942: table or view does not exist",
        "ORA-0<d:4>: value too large for column <uc:5>",
        "java.sql.SQLSyntaxErrorException: ORA-00933: SQL command not properly ended",
        "PLS-00201: identifier '<uc:5>' must be declared",
    ],
    "SQL Server": [
        "Unclosed quotation mark after the character string '<lc:4>'.",
        "System.Data.SqlClient.SqlException (0x80131904): Invalid object name '<lc:5>'.",
        "[Microsoft][ODBC Driver 17 for SQL Server][SQL Server]Invalid column name '<lc:5>'.",
        "Conversion failed when converting the varchar value '<lc:4>' to data type int.",
        "Incorrect syntax near '<lc:4>'.",
    ],
}
PER_TRACE = 42


def shown(maker, value):
    """An error page as it is, in HTML or inside JSON."""
    way = maker.rng.randrange(3)
    if way == 0:
        return value
    return as_json(maker, "error", value) if way == 1 else f"<html><body><pre>{value}</pre></body></html>"


def cases(maker):
    for kind, forms in HASHES.items():
        for i in range(8):
            yield Case(
                "password hash",
                kind,
                [("hash", kind)],
                where="response",
                text=as_json(
                    maker, maker.rng.choice(["hash", "credential", "pw"]), maker.value(forms[i % len(forms)])
                ),
            )
    for i in range(20):
        yield Case(
            "password hash",
            "member",
            [("hash", "member")],
            where="response",
            text=as_json(maker, MEMBERS[i % len(MEMBERS)], maker.value("<hx:64>")),
        )
    for kind, forms in {**TRACES, **DATABASES}.items():
        for i in range(PER_TRACE):
            yield Case(
                f"trace {kind}",
                kind,
                [("trace", kind)],
                where="response",
                text=shown(maker, maker.value(forms[i % len(forms)])),
            )
