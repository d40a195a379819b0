/* A change in pieces: the page sends the next one by itself. Without this script its button does. */

document.querySelector("form[data-goes-on]")?.requestSubmit();
