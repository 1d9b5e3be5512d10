// On an app's host while the app is not up: asks until it is, then loads the page again. The question is held by the
// server until there is news; an answer that is not the server's own means that the app answers.
const heading = document.getElementById("vt-heading"), steps = document.getElementById("vt-steps");

async function ask() {
	const answer = await fetch("/.vitrine/status", { headers: { accept: "application/json" }, cache: "no-store", redirect: "manual" });
	if (answer.status !== 503) return location.reload();
	const news = await answer.json();
	if (news.code !== "starting") return location.reload();
	if (news.error && heading.textContent !== news.error) heading.textContent = news.error;
	if (news.stage && news.stage !== steps.dataset.stage) {
		steps.dataset.stage = news.stage;
		const at = news.stage === "BUILDING" ? 0 : 1;
		[...steps.querySelectorAll("li")].forEach((li, i) => {
			li.className = i < at ? "step-done" : i === at ? "step-now" : "step-todo";
		});
	}
	setTimeout(again, 700);
}

function again() {
	ask().catch(() => setTimeout(again, 1500));
}

setTimeout(again, 300);
