// The unmodified @huggingface/hub against VITRINE_URL: prints one JSON object of what it saw.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(process.env.HUB_PACKAGES + "/");
const hub = await import(pathToFileURL(require.resolve("@huggingface/hub")).href);
const common = { hubUrl: process.env.VITRINE_URL, accessToken: process.env.VITRINE_TOKEN };
const repo = { type: "space", name: process.env.VITRINE_REPO };
const seen = {};

seen.created = await hub.createRepo({ ...common, repo, sdk: "static", files: [{ path: "index.html", content: new Blob(["<p>first"]) }] });
seen.exists = await hub.repoExists({ ...common, repo });
seen.commit = (await hub.uploadFiles({ ...common, repo, files: [
	{ path: "js/app.js", content: new Blob(["let x = 1;"]) }, { path: "ä/ö.txt", content: new Blob(["ü"]) },
	{ path: "big.bin", content: new Blob([new Uint8Array(3_000_000)]) } ] })).commit.oid;
seen.files = [];
for await (const f of hub.listFiles({ ...common, repo, recursive: true })) seen.files.push([f.type, f.path, f.size]);
seen.info = await hub.spaceInfo({ ...common, name: repo.name, additionalFields: ["sha", "subdomain", "runtime"] });
seen.text = await (await hub.downloadFile({ ...common, repo, path: "ä/ö.txt" })).text();
seen.part = (await (await hub.downloadFile({ ...common, repo, path: "big.bin" })).slice(5, 10).arrayBuffer()).byteLength;
seen.size = (await hub.fileDownloadInfo({ ...common, repo, path: "big.bin" })).size;
seen.paths = (await hub.pathsInfo({ ...common, repo, paths: ["js/app.js", "nothing"], expand: true })).map((p) => p.path);
await hub.deleteFile({ ...common, repo, path: "js/app.js" });
seen.commits = [];
for await (const c of hub.listCommits({ ...common, repo, batchSize: 1 })) seen.commits.push(c.title);
seen.count = await hub.countCommits({ ...common, repo });
await hub.createBranch({ ...common, repo, branch: "js", revision: seen.commit });
seen.branched = (await hub.pathsInfo({ ...common, repo, revision: "js", paths: ["js/app.js"] })).length;
try { await hub.createBranch({ ...common, repo, branch: "js" }); } catch (e) { seen.again = e.statusCode; }
await hub.createBranch({ ...common, repo, branch: "js", overwrite: true });
seen.overwritten = (await hub.pathsInfo({ ...common, repo, revision: "js", paths: ["js/app.js"] })).length;
await hub.deleteBranch({ ...common, repo, branch: "js" });
// Over 64 MB: classic LFS, by the addresses of the batch alone.
const large = new Uint8Array(64 * 1024 * 1024 + 1).fill(7);
await hub.uploadFile({ ...common, repo, file: { path: "large.bin", content: new Blob([large]) }, useXet: false });
const entry = (await hub.pathsInfo({ ...common, repo, paths: ["large.bin"] }))[0];
seen.large = [entry.size, entry.lfs?.size];
await hub.deleteRepo({ ...common, repo });
seen.gone = await hub.repoExists({ ...common, repo });
console.log(JSON.stringify(seen));
