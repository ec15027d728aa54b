"use strict";
norna.traitPage = (i) => ({ title: norna.data.traits.name[i], content: [norna.el("h1", {}, norna.data.traits.name[i])] });
