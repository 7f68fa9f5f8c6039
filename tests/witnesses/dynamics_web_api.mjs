// dynamics-web-api against an environment: prints what it found as JSON. Arguments: url, token.
import { createRequire } from "node:module";
const require = createRequire(process.env.WITNESSES + "/");
const { DynamicsWebApi } = require("dynamics-web-api");

const [url, token] = process.argv.slice(2);
const api = new DynamicsWebApi({ serverUrl: url, dataApi: { version: "9.2" }, onTokenRefresh: async () => token });
const found = {};

found.me = (await api.callFunction("WhoAmI")).UserId;
found.created = await api.create({ collection: "accounts", data: { name: "dwa O'Brien" }, select: ["name"], returnRepresentation: true });
const key = found.created.accountid;
found.stale = await api.update({ collection: "accounts", key, data: { name: "never" }, ifmatch: 'W/"1"' });
await api.update({ collection: "accounts", key, data: { name: "dwa b+c", accountnumber: "DWA1" } });
found.read = await api.retrieve({ collection: "accounts", key, select: ["name", "accountnumber"] });
await api.upsert({ collection: "accounts", key: "accountnumber='DWA2'", data: { name: "dwa upsert" } });
found.pages = [];
let page = await api.retrieveMultiple({ collection: "accounts", select: ["name"], filter: "startswith(name,'dwa')", orderBy: ["name asc"], maxPageSize: 1, count: true });
found.count = page.oDataCount;
while (page) {
  found.pages.push(page.value.map((row) => row.name));
  page = page.oDataNextLink ? await api.retrieveMultiple({ collection: "accounts", maxPageSize: 1 }, page.oDataNextLink) : null;
}
api.startBatch();
api.create({ collection: "accounts", data: { name: "dwa batch" }, contentId: "1" });
api.update({ collection: "accounts", key, data: { name: "dwa batched" } });
api.retrieveMultiple({ collection: "accounts", select: ["name"], filter: "name eq 'dwa batched'" });
found.batch = (await api.executeBatch()).length;

let tracked = await api.retrieveMultiple({ collection: "accounts", select: ["name"], trackChanges: true });
while (tracked.oDataNextLink) tracked = await api.retrieveMultiple({ collection: "accounts" }, tracked.oDataNextLink);
await api.update({ collection: "accounts", key, data: { name: "dwa tracked" } });
const gone = (await api.retrieve({ collection: "accounts", key: "accountnumber='DWA2'", select: ["accountid"] })).accountid;
await api.deleteRecord({ collection: "accounts", key: gone });
const delta = await api.retrieveMultiple({ collection: "accounts" }, tracked.oDataDeltaLink);
found.changed = delta.value.map((row) => row.name ?? row.reason);
console.log(JSON.stringify(found));
