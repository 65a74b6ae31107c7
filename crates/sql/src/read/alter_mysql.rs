//! Changes of a whole table that only MySQL has.

use super::cursor::Cursor;
use crate::TableChange;

/// Options for which the table is copied.
const REBUILD: [&str; 11] = [
    "ENGINE",
    "ROW_FORMAT",
    "KEY_BLOCK_SIZE",
    "COMPRESSION",
    "ENCRYPTION",
    "FORCE",
    "PAGE_COMPRESSED",
    "ENCRYPTED",
    "TRANSACTIONAL",
    "PACK_KEYS",
    "TABLESPACE",
];
/// Options that the table only says of itself.
const OPTIONS: [&str; 14] = [
    "COMMENT",
    "AUTO_INCREMENT",
    "STATS_PERSISTENT",
    "STATS_AUTO_RECALC",
    "STATS_SAMPLE_PAGES",
    "MAX_ROWS",
    "MIN_ROWS",
    "AVG_ROW_LENGTH",
    "CHECKSUM",
    "DELAY_KEY_WRITE",
    "INSERT_METHOD",
    "CONNECTION",
    "DEFAULT",
    "CHARSET",
];

pub(super) fn whole(cursor: &mut Cursor<'_>) -> Option<TableChange> {
    if cursor.words(&["CONVERT", "TO"]) {
        Some(TableChange::ConvertCharacterSet)
    } else if cursor.words(&["ORDER", "BY"]) {
        Some(TableChange::OrderBy)
    } else if cursor.words(&["DISCARD", "TABLESPACE"]) || cursor.words(&["IMPORT", "TABLESPACE"]) {
        Some(TableChange::ExchangeTablespace)
    } else if cursor.words(&["TRUNCATE", "PARTITION"]) || cursor.words(&["EXCHANGE", "PARTITION"]) {
        Some(TableChange::DropPartition)
    } else if ["COALESCE", "REORGANIZE", "REBUILD", "OPTIMIZE", "REMOVE"].iter().any(|word| cursor.is(word))
        || cursor.words(&["PARTITION", "BY"])
    {
        Some(TableChange::Repartition)
    } else if cursor.words(&["ENABLE", "KEYS"]) || cursor.words(&["DISABLE", "KEYS"]) {
        Some(TableChange::Keys)
    } else if cursor.any(&REBUILD) {
        Some(TableChange::Rebuild)
    } else if cursor.any(&OPTIONS) || cursor.words(&["CHARACTER", "SET"]) || cursor.word("COLLATE") {
        Some(TableChange::Options)
    } else {
        None
    }
}
