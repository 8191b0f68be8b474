/** Times as signatures have them: ISO 8601 basic, as in X-Amz-Date, or any date of HTTP. Milliseconds since 1970. */
export const parseSignedTime = (text: string): number | undefined => {
  const basic = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  const http = /^(\w{3}, )?\d{1,2}[ -]\w{3}[ -]\d{4} \d\d:\d\d:\d\d (GMT|UTC|[+-]\d{4})$/.test(text);
  if (!basic && !http && !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/.test(text)) return undefined;
  const ms = Date.parse(basic ? `${basic.slice(1, 4).join('-')}T${basic.slice(4).join(':')}Z` : text);
  return ms >= 0 ? ms : undefined;
};
