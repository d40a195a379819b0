/* Says on the page what allauth's scripts would say in the console: a security key was not read. */
document.addEventListener("allauth.error", (event) => {
  const words = document.getElementById("key-fault");
  if (!words) return;
  event.preventDefault();
  words.hidden = false;
});
