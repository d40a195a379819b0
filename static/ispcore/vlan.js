/* The mapping's form. The VLAN that the router or the interface's name tells is put into the box for
   somebody to see and change. What was typed by hand stays. */

const choice = document.querySelector("select[data-fills-vlan]");
const box = document.getElementById("id_vlan_id");
let suggested = "";

function suggest() {
  if (box.value !== "" && box.value !== suggested) return;
  suggested = choice.selectedOptions[0]?.dataset.vlan || "";
  box.value = suggested;
}

if (choice && box) choice.addEventListener("change", suggest);

/* Where interfaces are too many to offer all of them, the choice of a router opens the form again
   with those of that router. */
const router = document.querySelector("select[data-reloads]");

router?.addEventListener("change", () => {
  const asked = new URL(location.href);
  for (const name of ["router", "reseller"]) {
    asked.searchParams.set(name, document.getElementById(`id_${name}`)?.value || "");
  }
  location.assign(asked);
});
