const words = ["Hello!", "Hallo!", "Bonjour!", "¡Hola!", "こんにちは!", "Salut!"];
let turn = 0;
document.getElementById("again").addEventListener("click", () => {
  turn = (turn + 1) % words.length;
  document.getElementById("greeting").textContent = words[turn];
});
