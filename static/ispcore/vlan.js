/* The mapping's form: the VLAN that the router or the interface's name tells is put into the box for
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
