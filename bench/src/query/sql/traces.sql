-- Rows of a user in the table and in each projection that knows users.
SELECT
    toUInt32((SELECT count() FROM millrace.events WHERE workspace_id = 'w0' AND user_id = {userId:String})
    + (SELECT count() FROM mergeTreeProjection(millrace, events, p_user) WHERE workspace_id = 'w0' AND user_h = sipHash64({userId:String}))
    + (SELECT count() FROM mergeTreeProjection(millrace, events, p_bytype) WHERE workspace_id = 'w0' AND user_h = sipHash64({userId:String}))
    + (SELECT count() FROM mergeTreeProjection(millrace, events, p_userevents) WHERE workspace_id = 'w0' AND user_id = {userId:String})
    + (SELECT count() FROM mergeTreeProjection(millrace, events, p_dim) WHERE workspace_id = 'w0' AND user_id = {userId:String})) AS rows
SETTINGS optimize_use_projections = 0
