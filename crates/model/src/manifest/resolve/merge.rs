//! What an environment says over what the manifest says: setting by setting, lists and commands as a whole.

use crate::manifest::types::{
    BackupSettings, BuildSettings, DatabaseSettings, HealthSettings, Located, Reading, ResourcesSettings,
    Rollout, RolloutSettings, ScaleSettings, ServiceSettings, StopSettings, Templated,
};

/// The upper one if it is there.
macro_rules! over {
    ($upper:expr, $lower:expr; $($key:ident),+) => {
        ($($upper.$key.clone().or_else(|| $lower.$key.clone())),+)
    };
}

/// A service with an environment's overrides. `env` is left to its own rules and is the lower one's.
pub(super) fn service(lower: &ServiceSettings, upper: Option<&ServiceSettings>) -> ServiceSettings {
    let Some(upper) = upper else { return lower.clone() };
    let (command, port, path, hosts, instances, drain) =
        over!(upper, lower; command, port, path, hosts, instances, drain);
    let (max_unavailable, network) = over!(upper, lower; max_unavailable, network);
    let (user, allow_root, capabilities, read_only) =
        over!(upper, lower; user, allow_root, capabilities, read_only);
    let (volumes, extra_hosts, secret_files) = over!(upper, lower; volumes, extra_hosts, secret_files);
    let is_partial = [lower.reading, upper.reading].contains(&Reading::Partial);
    ServiceSettings {
        span: lower.span.clone(),
        command,
        port,
        path,
        hosts,
        instances,
        scale: both(lower.scale.as_ref(), upper.scale.as_ref(), |lower, upper| {
            let (min, max, cpu) = over!(upper, lower; min, max, cpu);
            ScaleSettings { span: upper.span.clone(), min, max, cpu }
        }),
        max_unavailable,
        network,
        drain,
        stop: both(lower.stop.as_ref(), upper.stop.as_ref(), |lower, upper| {
            let (signal, grace) = over!(upper, lower; signal, grace);
            StopSettings { signal, grace }
        }),
        resources: both(lower.resources.as_ref(), upper.resources.as_ref(), |lower, upper| {
            let (memory, cpu, pids) = over!(upper, lower; memory, cpu, pids);
            ResourcesSettings { memory, cpu, pids }
        }),
        env: lower.env.clone(),
        health: both(lower.health.as_ref(), upper.health.as_ref(), |lower, upper| {
            let (path, interval, timeout, start_period) =
                over!(upper, lower; path, interval, timeout, start_period);
            let (healthy_after, unhealthy_after) = over!(upper, lower; healthy_after, unhealthy_after);
            HealthSettings { path, interval, timeout, start_period, healthy_after, unhealthy_after }
        }),
        user,
        allow_root,
        capabilities,
        read_only,
        volumes,
        extra_hosts,
        secret_files,
        reading: if is_partial { Reading::Partial } else { Reading::Complete },
    }
}

/// `[build]` with an environment's overrides. Where the environment takes an image, what the manifest says of how one is built
/// does not count there, and the other way round.
pub(super) fn build(lower: Option<&BuildSettings>, upper: Option<&BuildSettings>) -> Option<BuildSettings> {
    both(lower, upper, |lower, upper| {
        let mut lower = lower.clone();
        // Who one is at one registry is not told to another one.
        let place = |settings: &BuildSettings| {
            let image = settings.image.as_ref().map(|image| match &image.value {
                Templated::Plain(name) => name.registry().map(str::to_owned),
                // Which one that is will be known later: it is no other's.
                Templated::Open(text) => Some(text.clone()),
            });
            image.or_else(|| settings.repository.as_ref().map(|it| it.value.registry().map(str::to_owned)))
        };
        if place(upper).is_some_and(|there| place(&lower).is_some_and(|here| here != there)) {
            lower.registry = None;
        }
        if upper.image.is_some() && upper.dockerfile.is_none() {
            (lower.dockerfile, lower.context, lower.target, lower.platform) = (None, None, None, None);
            (lower.args, lower.secrets, lower.repository) = (None, None, None);
        } else if upper.dockerfile.is_some() && upper.image.is_none() {
            lower.image = None;
        }
        let (command, files, dockerfile, context) = over!(upper, lower; command, files, dockerfile, context);
        let (target, args, platform, secrets) = over!(upper, lower; target, args, platform, secrets);
        let (image, repository, registry) = over!(upper, lower; image, repository, registry);
        let is_partial = [lower.reading, upper.reading].contains(&Reading::Partial);
        let reading = if is_partial { Reading::Partial } else { Reading::Complete };
        BuildSettings {
            span: upper.span.clone(),
            command,
            files,
            dockerfile,
            context,
            target,
            args,
            platform,
            secrets,
            image,
            repository,
            registry,
            reading,
        }
    })
}

/// `[database]` with an environment's overrides.
pub(super) fn database(
    lower: Option<&DatabaseSettings>,
    upper: Option<&DatabaseSettings>,
) -> Option<DatabaseSettings> {
    both(lower, upper, |lower, upper| {
        let (url, pooled_url, shadow_url, migrations) =
            over!(upper, lower; url, pooled_url, shadow_url, migrations);
        let (format, lock_timeout, watch, backup) = over!(upper, lower; format, lock_timeout, watch, backup);
        let (rehearse, smoke, soft_drop_for) = over!(upper, lower; rehearse, smoke, soft_drop_for);
        DatabaseSettings {
            span: upper.span.clone(),
            url,
            pooled_url,
            shadow_url,
            migrations,
            format,
            lock_timeout,
            watch,
            backup,
            rehearse,
            smoke,
            soft_drop_for,
        }
    })
}

/// `[backup]` with an environment's overrides.
pub(super) fn backup(
    lower: Option<&BackupSettings>,
    upper: Option<&BackupSettings>,
) -> Option<BackupSettings> {
    both(lower, upper, |lower, upper| {
        let (to, key, every, keep) = over!(upper, lower; to, key, every, keep);
        let (max_age, access_key, secret_key, region) =
            over!(upper, lower; max_age, access_key, secret_key, region);
        let span = upper.span.clone();
        BackupSettings { span, to, key, every, keep, max_age, access_key, secret_key, region }
    })
}

/// `[rollout]` with an environment's overrides and the defaults.
pub(super) fn rollout(lower: Option<&RolloutSettings>, upper: Option<&RolloutSettings>) -> Rollout {
    let nothing = RolloutSettings::default();
    let (lower, upper) = (lower.unwrap_or(&nothing), upper.unwrap_or(&nothing));
    let usual = Rollout::default();
    macro_rules! setting {
        ($key:ident) => {
            chosen(upper.$key.as_ref(), lower.$key.as_ref(), usual.$key)
        };
    }
    Rollout {
        strategy: setting!(strategy),
        max_unavailable: setting!(max_unavailable),
        max_surge: setting!(max_surge),
        deadline: setting!(deadline),
        bake: setting!(bake),
        max_error_rate: setting!(max_error_rate),
        max_p95: setting!(max_p95),
        min_requests: setting!(min_requests),
        on_no_data: setting!(on_no_data),
        warm: setting!(warm),
        keep: setting!(keep),
    }
}

fn chosen<T: Copy>(upper: Option<&Located<T>>, lower: Option<&Located<T>>, usual: T) -> T {
    upper.or(lower).map_or(usual, |setting| setting.value)
}

fn both<T: Clone>(lower: Option<&T>, upper: Option<&T>, merge: impl FnOnce(&T, &T) -> T) -> Option<T> {
    match (lower, upper) {
        (Some(lower), Some(upper)) => Some(merge(lower, upper)),
        (lower, upper) => upper.or(lower).cloned(),
    }
}
