# SPDX-License-Identifier: GPL-2.0-or-later
"""Secrets: the forms that providers' documentation gives for what they issue. A line is provider, name it is
kept under, form; "file" where an answer hands such a token to its owner and only a file is a leak."""

from corpus import Case, as_json, in_file

PER_FORM = 4

CLOUD = """
AWS|access_key_id|AKIA<b32:16>
AWS|key|ASIA<b32:16>
AWS|aws_secret_access_key|<b64:40>
AWS|bedrock|ABSK<b64:128>
AWS|mws|amzn.mws.<uuid>
Google|maps|AIza<url:35>
Google|oauth|GOCSPX-<url:28>
Google|token|ya29.<url:120>|file
Google|refresh|1//0<url:98>
Azure|storage|DefaultEndpointsProtocol=https;AccountName=shop;AccountKey=<b64:86>==;EndpointSuffix=core.windows.net
Azure|bus|Endpoint=sb://shop.servicebus.windows.net/;SharedAccessKeyName=root;SharedAccessKey=<b64:43>=
Entra|secret|<an:3>8Q~<an:34>
Azure DevOps|pat|<an:76>AZDO<an:4>
DigitalOcean|token|dop_v1_<hx:64>
DigitalOcean|oauth|doo_v1_<hx:64>
Alibaba|id|LTAI5t<an:18>
Alibaba|aliyun_access_key_secret|<an:30>
Tencent|id|AKID<an:32>
Yandex|key|AQVN<url:36>
Yandex|access|YCAJE<url:20>
IBM|ibmcloud_api_key|<url:44>
Linode|linode_token|<hx:64>
Vultr|vultr_api_key|<up:36>
Hetzner|hcloud_token|<an:64>
Scaleway|scw_access_key|SCW<up:17>
Scaleway|scw_secret_key|<uuid>
OVH|ovh_application_secret|<an:32>
Exoscale|key|EXO<hx:24>
Heroku|heroku_api_key|<uuid>
Heroku|token|HRKU-AA<url:58>
Netlify|token|nfp_<an:36>
Vercel|vercel_token|<an:24>
Fly|token|fo1_<url:43>
Render|key|rnd_<an:32>
Railway|railway_token|<uuid>
Cloudflare|cloudflare_api_token|<url:40>
Cloudflare|cloudflare_api_key|<hx:37>
Cloudflare|origin_ca|v1.0-<hx:24>-<hx:146>
Fastly|fastly_api_token|<url:32>
Akamai|client|akab-<lo:16>-<lo:16>
Vault|token|hvs.<url:92>
Vault|batch|hvb.<url:158>
Vault|vault_token|s.<an:24>
Terraform|token|<an:14>.atlasv1.<url:67>
Pulumi|token|pul-<hx:40>
Doppler|token|dp.pt.<an:43>
Doppler|service|dp.st.prd.<an:40>
Infisical|infisical|st.<hx:24>.<hx:32>.<hx:32>
1Password|token|ops_eyJ<b64:400>
1Password|secret|A3-<up:6>-<up:11>-<up:5>-<up:5>-<up:5>
age|identity|AGE-SECRET-KEY-1<bech:58>
Tailscale|key|tskey-auth-<an:12>CNTRL-<an:32>
OpenShift|token|sha256~<url:43>
Databricks|token|dapi<hx:32>
PlanetScale|token|pscale_tkn_<url:43>
PlanetScale|password|pscale_pw_<url:43>
Supabase|token|sbp_<hx:40>
Neon|key|napi_<lo:64>
Aiven|password|AVNS_<url:19>
"""

CODE = """
GitHub|token|ghp_<sum30>
GitHub|oauth|gho_<sum30>
GitHub|app|ghs_<sum30>
GitHub|user|ghu_<sum30>
GitHub|pat|github_pat_<an:22>_<an:59>
GitLab|token|glpat-<url:20>
GitLab|deploy|gldt-<url:20>
GitLab|runner|glrt-<url:20>
GitLab|trigger|glptt-<hx:40>
Bitbucket|app|ATBB<an:32>
Atlassian|token|ATATT3xFfGF0<url:171>=<HX:8>
npm|token|npm_<sum30>
PyPI|token|pypi-AgEIcHlwaS5vcmc<url:150>
RubyGems|key|rubygems_<hx:48>
crates|token|cio<an:32>
NuGet|key|oy2<lo:43>
Docker|pat|dckr_pat_<url:27>
CircleCI|circleci_token|<hx:40>
Buildkite|token|bkua_<hx:40>
Sonar|token|squ_<hx:40>
Codecov|codecov_token|<uuid>
Snyk|snyk_token|<uuid>
Grafana|token|glsa_<an:32>_<hx:8>
Grafana|cloud|glc_<b64:120>
Datadog|dd_api_key|<hx:32>
Datadog|dd_app_key|<hx:40>
New Relic|key|NRAK-<up:27>
New Relic|license|<hx:32>FFFFNRAL
Dynatrace|token|dt0c01.<up:24>.<up:64>
Sentry|token|sntryu_<hx:64>
Honeycomb|key|hcaik_<lo:59>
Splunk|splunk_hec_token|<uuid>
PagerDuty|pagerduty_api_key|<url:20>
Opsgenie|opsgenie_api_key|<uuid>
Rollbar|rollbar_access_token|<hx:32>
LaunchDarkly|sdk|sdk-<uuid>
LaunchDarkly|api|api-<uuid>
Postman|key|PMAK-<hx:24>-<hx:34>
Prefect|key|pnu_<an:36>
ReadMe|key|rdme_<lo:70>
Contentful|token|CFPAT-<url:43>
Algolia|algolia_admin_key|<hx:32>
Linear|key|lin_api_<an:40>
Notion|token|secret_<an:43>
Figma|token|figd_<url:40>
Airtable|token|pat<an:14>.<hx:64>
"""

BUSINESS = """
Stripe|secret|sk_live_<an:24>
Stripe|restricted|rk_live_<an:99>
Stripe|webhook|whsec_<an:32>
Square|token|sq0atp-<url:22>
Square|secret|sq0csp-<url:43>
Braintree|token|access_token$production$<lo:16>$<hx:32>
Razorpay|key|rzp_live_<an:14>
Flutterwave|key|FLWSECK-<hx:32>-X
Plaid|token|access-production-<uuid>
Coinbase|coinbase_secret|<an:64>
Mollie|mollie_key|live_<an:30>
EasyPost|key|EZAK<an:54>
Shopify|token|shpat_<hx:32>
Shopify|app|shppa_<hx:32>
Shopify|shared|shpss_<hx:32>
Slack|bot|xoxb-<d:12>-<d:13>-<an:24>
Slack|user|xoxp-<d:12>-<d:12>-<d:13>-<hx:32>
Slack|app|xapp-1-A<up:10>-<d:13>-<hx:64>
Slack|webhook|https://hooks.slack.com/services/T<up:10>/B<up:10>/<an:24>
Discord|discord_token|M<an:23>.<an:6>.<url:38>
Discord|webhook|https://discord.com/api/webhooks/<d:18>/<url:68>
Telegram|bot|<d:10>:AA<url:33>
Twilio|twilio_api_key|SK<hx:32>
Twilio|twilio_auth_token|<hx:32>
SendGrid|key|SG.<url:22>.<url:43>
Brevo|key|xkeysib-<hx:64>-<an:16>
Mailgun|mailgun_key|key-<hx:32>
Mailchimp|key|<hx:32>-us1<d:1>
Postmark|postmark_server_token|<uuid>
Resend|key|re_<an:8>_<an:24>
Klaviyo|klaviyo_key|pk_<hx:34>
Intercom|token|dG9rO<b64:54>=
HubSpot|token|pat-na1-<uuid>
Mapbox|secret|sk.eyJ<an:60>.<url:22>
Dropbox|token|sl.<url:140>
Facebook|token|EAA<an:160>
Okta|okta_api_token|00<url:40>
Zendesk|zendesk_token|<an:40>
Asana|asana_pat|1/<d:16>:<hx:32>
Typeform|token|tfp_<url:44>_<an:14>
"""

AI = """
OpenAI|project|sk-proj-<url:156>
OpenAI|service|sk-svcacct-<url:120>
OpenAI|key|sk-<an:20>T3BlbkFJ<an:20>
Anthropic|key|sk-ant-api03-<url:93>AA
Anthropic|admin|sk-ant-admin01-<url:93>AA
Hugging Face|token|hf_<al:34>
Replicate|token|r8_<an:37>
Groq|key|gsk_<an:52>
xAI|key|xai-<an:80>
Perplexity|key|pplx-<an:48>
OpenRouter|key|sk-or-v1-<hx:64>
Cohere|cohere_api_key|<an:40>
Mistral|mistral_api_key|<an:32>
DeepSeek|deepseek_api_key|sk-<hx:32>
ElevenLabs|elevenlabs_api_key|sk_<hx:48>
AssemblyAI|assemblyai_key|<hx:32>
Deepgram|deepgram_key|<hx:40>
Stability|stability_api_key|sk-<an:48>
Together|together_api_key|<hx:64>
Fireworks|fireworks_api_key|fw_<an:24>
Pinecone|key|pcsk_<an:6>_<an:63>
LangSmith|key|lsv2_pt_<hx:32>_<hx:10>
Weights|wandb_api_key|<hx:40>
NVIDIA|key|nvapi-<url:64>
"""

GENERIC = r"""
private key|pem|-----BEGIN RSA PRIVATE KEY-----\n<b64:64>\n<b64:64>\n<b64:40>\n-----END RSA PRIVATE KEY-----
private key|pem|-----BEGIN PRIVATE KEY-----\n<b64:64>\n<b64:64>\n-----END PRIVATE KEY-----
private key|pem|-----BEGIN EC PRIVATE KEY-----\n<b64:64>\n<b64:64>\n-----END EC PRIVATE KEY-----
private key|pem|-----BEGIN OPENSSH PRIVATE KEY-----\n<b64:70>\n<b64:70>\n-----END OPENSSH PRIVATE KEY-----
private key|pem|-----BEGIN ENCRYPTED PRIVATE KEY-----\n<b64:64>\n<b64:64>\n-----END ENCRYPTED PRIVATE KEY-----
PGP|pgp|-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n<b64:64>\n<b64:64>\n-----END PGP PRIVATE KEY BLOCK-----
address with a password|url|https://deploy:<an:14>@git.corp.test/x.git
address with a password|url|ftp://backup:<an:12>@files.corp.test/
database|database_url|postgres://app:<an:18>@db.corp.test:5432/shop
database|database_url|mysql://root:<an:12>@10.1.2.3/shop
database|database_url|mongodb+srv://app:<an:20>@cluster.corp.test/shop
database|database_url|redis://:<an:24>@cache.corp.test:6379/0
database|dsn|postgresql+psycopg://app:<an:16>@db/shop
database|broker|amqp://worker:<an:16>@mq.corp.test:5672/
connection|connection|Server=db;Database=shop;User Id=app;Password=<an:14>;Encrypt=true
API key|api_key|<an:32>
API key|client_secret|<url:40>
API key|secret_key|<hx:40>
API key|webhook_secret|<an:40>
API key|jwt_secret|<an:48>
basic|header|Authorization: Basic <b64:28>
"""


def forms(group, text):
    for line in text.strip().split("\n"):
        provider, name, form, *where = line.split("|")
        yield group, provider, name, form.replace("\\n", "\n"), where[0] if where else ""


def all_forms():
    for group, text in (
        ("secret cloud", CLOUD),
        ("secret code", CODE),
        ("secret business", BUSINESS),
        ("secret AI", AI),
        ("secret generic", GENERIC),
    ):
        yield from forms(group, text)


def cases(maker):
    for group, provider, name, form, only in all_forms():
        for i in range(PER_FORM):
            value = maker.value(form)
            file = only == "file" or i % 2
            text = in_file(maker, name, value) if file else as_json(maker, name, value)
            yield Case(
                group, provider, [("secret", provider)], form=form, text=text, where="file" if file else "response"
            )
    for i in range(20):  # what files alone are asked for
        name = maker.rng.choice(["db_password", "smtp_passwd", "admin_password", "passphrase"])
        yield Case(
            "secret generic",
            "password",
            [("secret", "password")],
            where="file",
            text=in_file(maker, name, maker.value("<an:7>!<an:6>")),
        )
    for i in range(20):
        yield Case(
            "secret generic",
            "token in a URL",
            [("secret", "token")],
            where="url",
            text=f"/api/v1/reports?format=csv&{maker.rng.choice(['t', 'token', 'jwt'])}={maker.jwt()}",
        )
    for i in range(20):
        yield Case(
            "secret generic",
            "password member",
            [("secret", "password")],
            where="response",
            text=as_json(maker, maker.rng.choice(["password", "passwd"]), maker.value("<an:5>-<an:6>")),
        )
