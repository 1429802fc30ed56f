// node ask.mjs URL AUTHORIZATION < operations: runs each over WebSocket (graphql-ws) and as events (graphql-sse), one
// after another, and prints what came of each as JSON. A client that connects anew would hide a fault: none does.
import { createClient as overSocket } from 'graphql-ws';
import { createClient as overEvents } from 'graphql-sse';
import { text } from 'node:stream/consumers';
import WebSocket from 'ws';

const [url, authorization] = process.argv.slice(2);
const operations = JSON.parse(await text(process.stdin));
const clients = {
  socket: overSocket({
    url: url.replace(/^http/, 'ws'),
    webSocketImpl: WebSocket,
    connectionParams: { authorization },
    retryAttempts: 0,
  }),
  events: overEvents({ url, headers: { authorization }, retryAttempts: 0 }),
};

async function answers(client, { query, variables, most }) {
  const told = [];
  for await (const one of client.iterate({ query, variables })) {
    told.push(one);
    if (told.length === most) break;
  }
  return told;
}

const told = {};
for (const [name, client] of Object.entries(clients)) {
  told[name] = [];
  for (const operation of operations) told[name].push(await answers(client, operation));
  client.dispose();
}
console.log(JSON.stringify(told));
