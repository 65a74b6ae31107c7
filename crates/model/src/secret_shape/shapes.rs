//! The shapes that are known: a row for each kind of token.

use super::Kind::{Alphanumeric, Base64, Digit, Hex, Upper, Word};
use super::Part::{Breaks, Of, Text};
use super::Shape;

/// No longer part is looked at.
const LONG: usize = 4096;

macro_rules! shapes {
    ($($rule:literal, $what:literal, [$($start:literal),+], [$($part:expr),*];)+) => {
        /// All of them. Private keys begin with their whole first line and count only with what follows it.
        pub const SHAPES: &[Shape] =
            &[$(Shape { rule: $rule, what: $what, starts: &[$($start),+], rest: &[$($part),*] }),+];
    };
}

shapes! {
    "aws-access-key", "an access key of AWS", ["AKIA", "ASIA", "ABIA", "ACCA"], [Of(Upper, 16, 16)];
    "github-token", "a token of GitHub", ["ghp_", "gho_", "ghu_", "ghs_", "ghr_"], [Of(Alphanumeric, 36, 255)];
    "github-token", "a token of GitHub", ["github_pat_"], [Of(Alphanumeric, 22, 22), Text("_"), Of(Alphanumeric, 59, 59)];
    "gitlab-token", "a token of GitLab", ["glpat-", "gldt-", "glrt-", "glcbt-", "glptt-", "glft-", "glsoat-", "glagent-"],
        [Of(Word, 20, 300)];
    "slack-token", "a token of Slack", ["xoxb-", "xoxp-", "xoxa-", "xoxr-", "xoxs-", "xoxe-", "xapp-"],
        [Of(Digit, 1, 20), Text("-"), Of(Word, 10, 300)];
    "slack-webhook", "a webhook of Slack", ["hooks.slack.com/services/", "hooks.slack.com/workflows/"],
        [Of(Upper, 8, 16), Text("/"), Of(Upper, 8, 16), Text("/"), Of(Alphanumeric, 20, 48)];
    "stripe-key", "a key of Stripe", ["sk_live_", "rk_live_", "sk_test_", "rk_test_"], [Of(Alphanumeric, 20, 250)];
    "stripe-webhook-secret", "a signing secret of Stripe", ["whsec_"], [Of(Base64, 30, 100)];
    "npm-token", "a token of npm", ["npm_"], [Of(Alphanumeric, 36, 36)];
    "pypi-token", "a token of PyPI", ["pypi-AgEIcHlwaS5vcmc", "pypi-AgENdGVzdC5weXBpLm9yZw"], [Of(Word, 50, LONG)];
    "google-api-key", "an API key of Google", ["AIza"], [Of(Word, 35, 35)];
    "google-oauth-secret", "a client secret of Google", ["GOCSPX-"], [Of(Word, 28, 28)];
    "google-oauth-token", "an access token of Google", ["ya29."], [Of(Word, 40, LONG)];
    "openai-key", "a key of OpenAI", ["sk-proj-", "sk-svcacct-", "sk-admin-"], [Of(Word, 40, 300)];
    "anthropic-key", "a key of Anthropic", ["sk-ant-"], [Of(Word, 40, 300)];
    "sendgrid-key", "a key of SendGrid", ["SG."], [Of(Word, 22, 22), Text("."), Of(Word, 43, 43)];
    "huggingface-token", "a token of Hugging Face", ["hf_"], [Of(Alphanumeric, 34, 40)];
    "digitalocean-token", "a token of DigitalOcean", ["dop_v1_", "doo_v1_", "dor_v1_"], [Of(Hex, 64, 64)];
    "docker-token", "a token of Docker Hub", ["dckr_pat_", "dckr_oat_"], [Of(Word, 27, 40)];
    "shopify-token", "a token of Shopify", ["shpat_", "shpss_", "shpca_", "shppa_"], [Of(Alphanumeric, 32, 32)];
    "telegram-token", "a token of a Telegram bot", ["bot"], [Of(Digit, 8, 10), Text(":AA"), Of(Word, 33, 33)];
    "vault-token", "a token of Vault", ["hvs.", "hvb."], [Of(Word, 24, 300)];
    "databricks-token", "a token of Databricks", ["dapi"], [Of(Hex, 32, 32)];
    "grafana-token", "a token of Grafana", ["glsa_"], [Of(Alphanumeric, 32, 32), Text("_"), Of(Hex, 8, 8)];
    "newrelic-key", "a key of New Relic", ["NRAK-"], [Of(Upper, 27, 27)];
    "sentry-token", "a token of Sentry", ["sntrys_", "sntryu_"], [Of(Base64, 40, 400)];
    "atlassian-token", "a token of Atlassian", ["ATATT3"], [Of(Word, 60, 300)];
    "linear-key", "a key of Linear", ["lin_api_"], [Of(Alphanumeric, 40, 40)];
    "pulumi-token", "a token of Pulumi", ["pul-"], [Of(Hex, 40, 40)];
    "rubygems-key", "a key of RubyGems", ["rubygems_"], [Of(Hex, 48, 48)];
    "mailgun-key", "a key of Mailgun", ["key-"], [Of(Hex, 32, 32)];
    "age-key", "a secret key of age", ["AGE-SECRET-KEY-1"], [Of(Upper, 58, 58)];
    "azure-storage-key", "a key of Azure Storage", ["AccountKey="], [Of(Base64, 86, 88)];
    "private-key", "a private key",
        ["-----BEGIN PRIVATE KEY-----", "-----BEGIN RSA PRIVATE KEY-----", "-----BEGIN EC PRIVATE KEY-----",
         "-----BEGIN DSA PRIVATE KEY-----", "-----BEGIN OPENSSH PRIVATE KEY-----",
         "-----BEGIN PGP PRIVATE KEY BLOCK-----"], [Breaks, Of(Base64, 40, LONG)];
    "jwt", "a JSON web token", ["eyJ"],
        [Of(Word, 10, LONG), Text(".eyJ"), Of(Word, 10, LONG), Text("."), Of(Word, 16, LONG)];
}
