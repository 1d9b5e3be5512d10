// Between the page and the app in its frame: the fragment goes in once (the query is in the frame's address already); the
// app may change the page's query and fragment, and ask who looks (C-UI-14, C-UI-15). Nothing else it says is listened to.
const ADDRESS_MAX = 2000;       // a longer one could not be loaded again
const frame = document.querySelector("iframe.app");
if (frame && location.hash) frame.src = frame.src.split("#")[0] + location.hash;

addEventListener("message", (event) => {
	const app = document.querySelector("iframe.app");
	const data = event.data;
	if (!app || event.source !== app.contentWindow || event.origin !== new URL(app.src).origin || !data) return;
	if (data === "USER_PLAN_REQUEST" || data.type === "USER_PLAN_REQUEST") {
		event.source.postMessage({ type: "USER_PLAN", payload: { plan: document.querySelector(".me") ? "user" : "anonymous" } }, event.origin);
	} else if (`${data.queryString ?? ""}${data.hash ?? ""}`.length <= ADDRESS_MAX && (typeof data.queryString === "string" || typeof data.hash === "string")) {
		const url = new URL(location.href);
		if (typeof data.queryString === "string") url.search = data.queryString;
		if (typeof data.hash === "string") url.hash = data.hash;
		history.replaceState(history.state, "", url);
	}
});
