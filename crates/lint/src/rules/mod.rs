//! The rules, one a file, in the order of `docs/lint.md`.

mod add_column_limits;
mod algorithm_copies;
mod bounded_text;
mod change_column_type;
mod check_scans;
mod constraint_before_switch;
mod copies_table;
mod detach_partition_blocks;
mod domain_constraint;
mod drop_column;
mod drop_column_limits;
mod drop_database;
mod drop_default;
mod drop_index_blocks;
mod drop_index_early;
mod drop_not_null;
mod drop_object;
mod drop_table;
mod duplicate_assignment;
mod empty_down;
mod enum_value_at_once;
mod enum_value_order;
mod exclusion_constraint;
mod foreign_key_copies;
mod foreign_key_scans;
mod identifier_too_long;
mod implicit_timestamp;
mod index_blocks_writes;
mod index_if_not_exists;
mod inline_references;
mod instant_row_versions;
mod json_column;
mod lock_table;
mod mixed_statement;
mod modify_column;
mod no_algorithm;
mod not_in_transaction;
mod not_understood;
mod numbered_column;
mod own_function;
mod own_lock;
mod own_timeouts;
mod own_transaction;
mod pragma_in_transaction;
mod prefer_identity;
mod primary_key_builds_index;
mod refresh_view_blocks;
mod reindex_blocks;
mod rename_column;
mod rename_other;
mod rename_repoints;
mod rename_table;
mod replace_view;
mod required_column;
mod revoke_early;
mod rewrites_table;
mod row_security;
mod rows_in_schema_transaction;
mod search_path;
mod set_not_null;
mod several_tables_locked;
mod small_key;
mod star_view;
mod stored_generated_column;
mod table_rebuild;
#[cfg(test)]
mod tests;
mod timestamp_without_zone;
mod trigger_on_used_table;
mod truncate;
mod unbatched_change;
mod unchecked_rows;
mod unique_builds_index;
mod unique_online;
mod unsupported_alter;
mod validate_in_transaction;
mod volatile_default;
mod wide_index;

use crate::{Rule, suppress};

/// Every rule.
pub const ALL: &[&Rule] = &[
    &index_blocks_writes::RULE,
    &drop_index_blocks::RULE,
    &reindex_blocks::RULE,
    &detach_partition_blocks::RULE,
    &not_in_transaction::RULE,
    &index_if_not_exists::RULE,
    &volatile_default::RULE,
    &stored_generated_column::RULE,
    &numbered_column::RULE,
    &required_column::RULE,
    &set_not_null::RULE,
    &check_scans::RULE,
    &foreign_key_scans::RULE,
    &validate_in_transaction::RULE,
    &unique_builds_index::RULE,
    &primary_key_builds_index::RULE,
    &exclusion_constraint::RULE,
    &constraint_before_switch::RULE,
    &change_column_type::RULE,
    &rename_column::RULE,
    &rename_table::RULE,
    &rename_other::RULE,
    &drop_column::RULE,
    &drop_table::RULE,
    &drop_object::RULE,
    &drop_index_early::RULE,
    &drop_not_null::RULE,
    &drop_default::RULE,
    &drop_database::RULE,
    &truncate::RULE,
    &mixed_statement::RULE,
    &own_timeouts::RULE,
    &own_transaction::RULE,
    &rewrites_table::RULE,
    &domain_constraint::RULE,
    &enum_value_order::RULE,
    &enum_value_at_once::RULE,
    &json_column::RULE,
    &unbatched_change::RULE,
    &identifier_too_long::RULE,
    &duplicate_assignment::RULE,
    &search_path::RULE,
    &small_key::RULE,
    &prefer_identity::RULE,
    &bounded_text::RULE,
    &timestamp_without_zone::RULE,
    &wide_index::RULE,
    &trigger_on_used_table::RULE,
    &lock_table::RULE,
    &refresh_view_blocks::RULE,
    &replace_view::RULE,
    &star_view::RULE,
    &several_tables_locked::RULE,
    &rows_in_schema_transaction::RULE,
    &row_security::RULE,
    &revoke_early::RULE,
    &own_lock::RULE,
    &empty_down::RULE,
    &not_understood::RULE,
    &no_algorithm::RULE,
    &algorithm_copies::RULE,
    &instant_row_versions::RULE,
    &copies_table::RULE,
    &foreign_key_copies::RULE,
    &modify_column::RULE,
    &unique_online::RULE,
    &implicit_timestamp::RULE,
    &inline_references::RULE,
    &unchecked_rows::RULE,
    &table_rebuild::RULE,
    &pragma_in_transaction::RULE,
    &rename_repoints::RULE,
    &add_column_limits::RULE,
    &drop_column_limits::RULE,
    &unsupported_alter::RULE,
    &own_function::RULE,
    &suppress::RULE,
];
