/* Buttons that copy the field they name (data-copy). Without a clipboard (plain http) the text is
   selected, for the keyboard to copy. */

async function copy(button) {
  const field = document.getElementById(button.dataset.copy);
  const said = button.parentElement.querySelector("[role=status]");
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
    said.textContent = "Copied";
  } catch {
    said.textContent = "Selected: copy it with the keyboard";
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) copy(button);
});
