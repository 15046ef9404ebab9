SELECT tuple({{keys}}) AS rollupKey, tuple({{values}}) AS rollupValue
FROM {database:Identifier}.{table:Identifier}
WHERE _part = {part:String}
{{group}}
