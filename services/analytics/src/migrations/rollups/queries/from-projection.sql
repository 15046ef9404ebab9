SELECT tuple({{keys}}) AS rollupKey, tuple({{values}}) AS rollupValue
FROM mergeTreeProjection({database:Identifier}, {table:Identifier}, {projection:Identifier})
WHERE _part = {part:String}
{{group}}
