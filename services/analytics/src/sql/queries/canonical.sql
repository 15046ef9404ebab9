SELECT formatQuerySingleLine({text:String}) AS text
