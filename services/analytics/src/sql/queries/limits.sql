SELECT
    getSetting('readonly') = 1,
    getSetting('max_execution_time') > 0,
    getSetting('max_memory_usage') > 0,
    getSetting('max_result_bytes') > 0,
    getSetting('max_rows_to_read') > 0
