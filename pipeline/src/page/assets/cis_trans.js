"use strict";
norna.cisTransPage = () => ({ title: "Cis and trans", content: [norna.el("h1", {}, "Cis and trans")] });
