/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/detect/policy.h"

void detect_policy_read(const struct gl_policy *policy, uint32_t op,
			struct detect_policy *ret_policy)
{
	const struct gl_class *class;

	*ret_policy = (struct detect_policy){0};
	if (!policy || !op || op >= policy->n_ops || op >= GL_OPS_MAX)
		return;
	ret_policy->auth_required = policy->ops[op].auth != 0;
	if (policy->ops[op].cls >= policy->n_classes || policy->ops[op].cls >= GL_CLASSES_MAX)
		return; /* unlimited */
	class = &policy->classes[policy->ops[op].cls];
	ret_policy->limited = class->limit && !(class->flags & GL_CLASS_EXEMPT);
}
