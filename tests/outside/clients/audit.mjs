// node audit.mjs URL AUTHORIZATION: the audits of GraphQL over HTTP by the reference implementation, as JSON.
import { serverAudits } from 'graphql-http';

const [url, authorization] = process.argv.slice(2);
const fetchFn = (to, init = {}) => fetch(to, { ...init, headers: { ...init.headers, authorization } });
const told = [];
for (const audit of serverAudits({ url, fetchFn })) {
  const { status, reason } = await audit.fn();
  told.push({ name: audit.name, status, reason: reason ?? null });
}
console.log(JSON.stringify(told));
