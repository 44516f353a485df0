// The project switch in the bar: a form that a page without script shows with a button, and with script obeys at once. Of a
// list, its address is what counts: it may have changed since the server made the form.

const select = document.querySelector(".switch select");
if (select instanceof HTMLSelectElement && select.form) projectSwitch(select, select.form);

/**
 * @param {HTMLSelectElement} select
 * @param {HTMLFormElement} form
 */
function projectSwitch(select, form) {
  const go = () => {
    const there = new URL(form.action);
    if (there.pathname === location.pathname) there.search = location.search;
    there.searchParams.delete("cursor");
    if (select.value) there.searchParams.set("project", select.value);
    else there.searchParams.delete("project");
    location.assign(there);
  };
  select.addEventListener("change", go);
  // A page that the browser kept comes back as it was left: with the choice that led away from it.
  addEventListener("pageshow", (shown) => shown.persisted && form.reset());
  // Who was quicker than the script has chosen already.
  if (select.value !== asSent(select)) go();
}

/**
 * The value that the server had selected.
 * @param {HTMLSelectElement} select
 */
function asSent(select) {
  return (Array.from(select.options).find((option) => option.defaultSelected) ?? select.options[0])?.value;
}
