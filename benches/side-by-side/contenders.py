"""Who takes part, and how each is set up: as somebody would who wants it fast and right."""

import base64
import os
from pathlib import Path

import machine

SECRET = "0123456789abcdef0123456789abcdef"
TOKEN = "sim-token-helpdesk"
EXAMPLE = "0b7c5c1e-6a55-4a53-9d0c-3a2a3c9f1e11"
# Events a second that Flask keeps up with; the others get 2,000.
FLASK_RATE = 200
MODULES = "/usr/lib/nginx/modules"


class Contender:
    def __init__(self, key, name, does, command, forwards=True, verifies=True, rate=2000):
        self.key, self.name, self.does, self.command = key, name, does, command
        self.forwards, self.verifies, self.rate = forwards, verifies, rate


def all_of(binary):
    """In the order of the table."""
    return [
        Contender("nginx", "nginx plain", "proxies, no check", nginx, verifies=False),
        Contender("delivered", "**botwarden**, `answer: delivered`", "HMAC, members of the room, duplicates, evidence",
                  lambda *at: botwarden(binary, *at, answer="delivered")),
        Contender("accepted", "**botwarden**, `answer: accepted`", "the same, answered before it is delivered",
                  lambda *at: botwarden(binary, *at, answer="accepted")),
        Contender("haproxy", "HAProxy + `hmac`", "HMAC only", haproxy),
        Contender("haproxy-map", "HAProxy + `hmac` + map file", "HMAC and a static list of rooms",
                  lambda *at: haproxy(*at, rooms=True)),
        Contender("lua", "nginx + Lua", "HMAC only", nginx_lua),
        Contender("flask-ttl", "Flask, TTL cache", "HMAC, members of the room kept for 60 s; forwards",
                  lambda *at: flask_bot(*at, way="ttl"), rate=FLASK_RATE),
        Contender("flask", "Flask as the helper shows it", "asks for the list of members at every event; is the bot itself",
                  lambda *at: flask_bot(*at, way="helper"), forwards=False, rate=FLASK_RATE),
    ]


def nginx(site, check=""):
    """One worker, no log, connections to the bot kept, no limit to what a connection may carry."""
    modules = "".join(f"load_module {MODULES}/{name}.so;\n" for name in ("ndk_http_module", "ngx_http_lua_module"))
    lua = f'lua_package_path "{site.directory}/?.lua;;";'
    site.write("nginx.conf", f"""{modules if check else ""}
{"user root;" if os.geteuid() == 0 else ""}
daemon off; worker_processes 1; error_log stderr warn; pid {site.directory}/nginx.pid;
events {{ worker_connections 2048; }}
http {{
  {lua if check else ""}
  access_log off; keepalive_requests 1000000000; keepalive_timeout 600s;
  client_body_buffer_size 512k; client_max_body_size 512k;
  {"".join(f"{name}_temp_path {site.directory}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))}
  upstream bot {{ server 127.0.0.1:{site.bot}; keepalive 64; keepalive_requests 1000000000; }}
  server {{
    listen 127.0.0.1:{site.port} backlog=4096;
    location /webhooks/ {{
      {check}
      proxy_pass http://bot; proxy_http_version 1.1; proxy_set_header Connection "";
    }}
  }}
}}
""")
    return ["nginx", "-p", site.directory, "-c", site.directory / "nginx.conf"], {}


def nginx_lua(site):
    site.write("verify.lua", (machine.HERE / "verify.lua").read_text())
    site.write("secret.lua", f'return "{SECRET}"\n')
    return nginx(site, 'access_by_lua_block { require("verify")() }')


def haproxy(site, rooms=False):
    """One thread. The secret is in the file, which the `hmac` converter takes in base64."""
    key = base64.b64encode(SECRET.encode()).decode()
    known = ""
    if rooms:
        site.write("rooms.map", "".join(f"{room} yes\n" for room in site.world.room_ids()))
        room = f"req.body,json_query('$.data.roomId'),map_str({site.directory}/rooms.map,no)"
        known = f"http-request deny deny_status 403 unless {{ {room} -m str yes }}"
    site.write("haproxy.cfg", f"""
global
  nbthread 1
  maxconn 2048
defaults
  mode http
  timeout connect 1s
  timeout client 600s
  timeout server 10s
  timeout http-keep-alive 600s
frontend webex
  bind 127.0.0.1:{site.port} backlog 4096
  option http-buffer-request
  http-request set-var(txn.mac) req.body,hmac(sha1,{key}),hex,lower
  http-request deny deny_status 403 unless {{ req.fhdr(x-spark-signature),lower,secure_memcmp(txn.mac) }}
  {known}
  default_backend bot
backend bot
  http-reuse always
  server bot 127.0.0.1:{site.bot}
""")
    return ["haproxy", "-db", "-f", site.directory / "haproxy.cfg"], {}


def flask_bot(site, way):
    """One worker; threads, because without them gunicorn closes every connection after one answer."""
    site.write("bot.py", (machine.HERE / "flask" / f"{way}.py").read_text())
    gunicorn = machine.VENV / "bin" / "gunicorn"
    command = [gunicorn, "-w", "1", "-k", "gthread", "--threads", "8", "--keep-alive", "600", "--log-level", "warning",
               "-b", f"127.0.0.1:{site.port}", "bot:app"]
    environment = {"API": site.api, "TOKEN": TOKEN, "SECRET": SECRET, "ALLOWED": site.world.org_id(EXAMPLE),
                   "BOT": f"http://127.0.0.1:{site.bot}/", "SELF": site.world.person_id("helpdesk")}
    return command, environment


# What a bot may hear of: each of its routes hears of something else.
TOPICS = ["messages.created", "messages.updated", "messages.deleted", "memberships.created", "memberships.updated",
          "memberships.deleted", "rooms.created", "rooms.updated", "rooms.migrated", "attachmentActions.created"]


def botwarden(binary, site, answer="delivered", bots=("helpdesk",), routes=1, server="", more=""):
    """As it is used: decision log in a directory, metrics and log on, everything else as it comes, but for the calls a
    minute: rooms must be known after a second, not after a minute. Several bots have a route each, `<path>/<number>`,
    and more of them for what nobody sends."""
    site.write("secret", SECRET)
    (site.directory / "tokens").mkdir()
    for bot in bots:
        site.write(f"tokens/{bot}", f"sim-token-{bot}")
    site.write("gateway.yaml", f"""version: 1
orgs: {{example: {EXAMPLE}}}
policy: {{allowed_orgs: [example]}}
server: {{listen: '127.0.0.1:{site.port}', drain_grace: 0s{server}}}
ops: {{listen: '127.0.0.1:{site.ports[0]}'}}
admin: {{listen: '127.0.0.1:{site.ports[1]}'}}
webex: {{api: '{site.api}', requests_per_minute: 3000}}
decision_log: {{to: {{dir: {site.directory}/records}}}}
{more}
bots:
{"".join(registered(bot, TOPICS[:routes]) for bot in bots)}
routes:
{"".join(route(number, len(bots), topic, site.bot, answer) for number in range(len(bots)) for topic in range(routes))}""")
    return [Path(binary), "run"], {}


def registered(bot, topics):
    secrets = f"token: {{file: ./tokens/{bot}}}, webhook_secret: {{file: ./secret}}"
    return f"  {bot}: {{{secrets}, webhooks: {{events: [{', '.join(topics)}]}}}}\n"


def route(number, of, topic, port, answer):
    """Messages come on `/webhooks/helpdesk`, with several bots on `/webhooks/helpdesk/<number>`."""
    bot, path = (f"helpdesk-{number}", f"/{number}") if of > 1 else ("helpdesk", "")
    kind = f"-{topic}" if topic else ""
    more = "" if topic else f", answer: {answer}"
    keys = f"path: /webhooks/helpdesk{path}{kind}, bot: {bot}, upstream: 'http://127.0.0.1:{port}/'{more}"
    return f"  {bot}{kind}: {{{keys}, events: [{TOPICS[topic]}]}}\n"
