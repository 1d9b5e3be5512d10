// Relative times: the server wrote them once, this keeps them true. The element's title holds the exact moment.
const units = [[60, "s"], [3600, "min"], [86400, "h"], [86400 * 30, "d"], [86400 * 365, "mo"], [Infinity, "y"]];

function relative(iso, now = Date.now()) {
	const s = Math.max(0, (now - Date.parse(iso)) / 1000);
	if (s < 10) return "just now";
	let per = 1;
	for (const [limit, word] of units) {
		if (s < limit) return `${Math.floor(s / per)} ${word} ago`;
		per = limit;
	}
	return "";
}

function refresh() {
	for (const t of document.querySelectorAll("time[datetime]")) {
		const text = relative(t.dateTime);
		if (text && t.textContent !== text) t.textContent = text;
		if (t.title === t.dateTime) t.title = new Date(t.dateTime).toLocaleString();
	}
}

refresh();
setInterval(refresh, 10000);
document.addEventListener("vt-change", refresh);
