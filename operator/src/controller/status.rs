mod conditions;
